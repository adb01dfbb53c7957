"""Checks of what models need: the GPU, the model files, the model hub, and disk space."""

import os
import shutil
import sys

import httpx
from rich.filesize import decimal

from backend import models
from backend.cli.diagnostics.finding import NETWORK_TIMEOUT_S, Finding, run_program, run_python
from backend.errors import ModelError

# CTranslate2 loads this library. Neither the driver nor CUDA 13 provides it.
CUBLAS = "libcublas.so.12"


def check_gpu() -> Finding:
    """Check the NVIDIA GPU, and whether CTranslate2 can use it."""
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", None, "no NVIDIA GPU; the models run on the CPU")
    ok, cards = run_program("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if not ok:
        return Finding("GPU", False, f"nvidia-smi: {cards}", "reinstall the NVIDIA driver, or set STT_DEVICE=cpu")
    ok, count = run_python("import ctranslate2; print(ctranslate2.get_cuda_device_count())")
    if ok and count != "0":
        if sys.platform == "linux" and not run_python(f"import ctypes; ctypes.CDLL({CUBLAS!r})")[0]:
            advice = "pip install nvidia-cublas-cu12, and add its directory nvidia/cublas/lib to LD_LIBRARY_PATH"
            return Finding("GPU", False, f"{cards}; {CUBLAS} is missing, so the models run on the CPU", advice)
        return Finding("GPU", True, f"{cards} ({count} usable)")
    found = "CTranslate2 finds no CUDA device" if ok else count
    return Finding("GPU", False, f"{cards}; {found}", "install a driver for CUDA 12 or later, or set STT_DEVICE=cpu")


def check_speech_model() -> Finding:
    """Check whether a speech model is installed."""
    wanted = os.environ.get("STT_MODEL", "auto")
    if wanted != "auto":
        try:
            return Finding("speech model", True, str(models.resolve(wanted)), essential=True)
        except ModelError as error:
            return Finding("speech model", False, wanted, error.message, essential=True)
    if installed := _installed("whisper"):
        return Finding("speech model", True, installed, essential=True)
    return Finding("speech model", None, "not installed; `nova up` downloads one", essential=True)


def check_translation_model() -> Finding:
    """Check whether a translation model is installed."""
    installed = os.environ.get("TRANSLATION_MODELS", "auto").replace("auto", "") or _installed("nllb", "opus")
    if installed:
        return Finding("translation model", True, installed)
    return Finding("translation model", None, "not installed; `nova up` downloads one")


def check_hub() -> Finding:
    """Check whether models can be downloaded."""
    endpoint = models.ModelStore.from_environment().hub.endpoint
    try:
        httpx.head(endpoint, timeout=NETWORK_TIMEOUT_S, follow_redirects=True).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "needed only to download models; set HF_ENDPOINT to a mirror, or NOVA_MODELS_DIR to a directory"
        return Finding("model hub", False, f"{endpoint}: {error or 'no answer'}", advice)
    return Finding("model hub", True, endpoint)


def check_disk() -> Finding:
    """Check that there is space for the missing models."""
    cache = models.ModelStore.from_environment().cache
    # The cache directory may not exist yet; its nearest existing parent is on the same disk.
    directory = next(parent for parent in (cache, *cache.absolute().parents) if parent.is_dir())
    device = "cuda" if shutil.which("nvidia-smi") else "cpu"
    installed = {model.name for model in models.installed()}
    wanted = (models.find(models.auto(kind, device)) for kind in ("whisper", "nllb"))
    need = sum(model.size for model in wanted if model and model.name not in installed)
    free = shutil.disk_usage(directory).free
    advice = "" if free > need else f"the models need {decimal(need)}: set NOVA_CACHE_DIR to another disk"
    return Finding("disk", free > need, f"{decimal(free)} free in {directory}", advice)


def _installed(*kinds: models.ModelKind) -> str:
    return ", ".join(model.name for model in models.installed() if model.kind in kinds)
