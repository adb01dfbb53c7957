"""Deepgram's speech-to-text API (developers.deepgram.com/reference/speech-to-text)."""
