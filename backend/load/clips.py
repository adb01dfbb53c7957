"""The speech for a load run: recordings with their texts, or sentences spoken by a synthesizer."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from backend.errors import SetupError
from backend.messages.jobs import SAMPLE_RATE

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Please leave your message after the tone.",
    "The weather will be sunny tomorrow morning.",
    "She opened the window and looked at the garden.",
)


@dataclass(frozen=True, slots=True)
class AudioClip:
    """A recording, its text, and the code of its language (empty if unknown)."""

    path: Path
    text: str
    language: str = ""

    def pcm(self) -> NDArray[np.int16]:
        """The samples, [n], 16 kHz mono."""
        return decode(self.path)


class _ManifestLine(BaseModel):
    """A line of a manifest in the format of NVIDIA NeMo. Other fields are ignored."""

    audio_filepath: Path
    text: str
    lang: str = ""


def read_manifest(manifest: Path) -> list[AudioClip]:
    """Read a manifest: one JSON object per line, with paths relative to the manifest. Raises SetupError."""
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{manifest} cannot be read: {error}") from None
    clips = [_parse_line(manifest, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not clips:
        raise SetupError(f"{manifest} contains no recordings")
    return clips


def _parse_line(manifest: Path, number: int, line: str) -> AudioClip:
    try:
        entry = _ManifestLine.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise SetupError(f"{manifest}, line {number}: {where}: {first['msg']}") from None
    return AudioClip(manifest.parent / entry.audio_filepath, entry.text, entry.lang)


def synthesize_clips(folder: Path) -> list[AudioClip]:
    """Speak a few English sentences with espeak-ng into files in a folder. Raises SetupError if it is not installed."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        raise SetupError("no speech to send: give --manifest, or install espeak-ng")
    clips = []
    for number, sentence in enumerate(SENTENCES):
        path = folder / f"espeak-{number}.wav"
        subprocess.run([espeak, "-v", "en-us", "-s", "140", "-w", str(path), sentence], check=True)
        clips.append(AudioClip(path, sentence, "en"))
    return clips


def decode(path: Path, rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """Decode an audio file to mono samples, [n], at a sample rate in Hz. Raises SetupError when it is not audio."""
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
            frames += resampler.resample(None)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise SetupError(f"{path} cannot be decoded: {error}") from None
    if not frames:
        raise SetupError(f"{path} contains no sound")
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames])
