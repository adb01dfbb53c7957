"""Whisper on PyTorch, for devices that CTranslate2 does not serve: ROCm, Apple's Metal, Intel's XPU."""
