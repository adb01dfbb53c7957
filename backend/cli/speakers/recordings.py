"""Joins recordings of one speaker into one file, with a pause between them."""

import io
import wave
from collections.abc import Sequence
from pathlib import Path

from backend.cli.files.media.recording import open_recording

RATE = 16_000
# Longer than the silence that ends an utterance, so that each recording has samples of its own.
PAUSE_S = 1.5


def joined_wav(files: Sequence[Path]) -> bytes:
    """All recordings as one WAV file, 16 kHz mono. Raises MediaError."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        for file in files:
            with open_recording(file) as recording:
                while block := recording.read():
                    wav.writeframes(block)
            wav.writeframes(bytes(2 * round(PAUSE_S * RATE)))
    return buffer.getvalue()
