"""What sessions say in a measurement: recordings with their texts, else sentences that a synthesizer speaks."""

from __future__ import annotations

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
class Clip:
    """A recording and what is said in it."""

    path: Path
    text: str
    language: str = ""
    """The code of the language spoken; empty when nobody has said."""

    def pcm(self) -> NDArray[np.int16]:
        """[n], 16 kHz mono."""
        return decode(self.path)


class _Line(BaseModel):
    """Of a manifest as NVIDIA NeMo has them; what else stands there is of no concern here."""

    audio_filepath: Path
    text: str
    lang: str = ""


def read(manifest: Path) -> list[Clip]:
    """The clips of a manifest: one JSON object a line, paths relative to it. Raises SetupError when it is not one."""
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{manifest} cannot be read: {error}") from None
    clips = [_clip(manifest, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not clips:
        raise SetupError(f"{manifest} names no recording")
    return clips


def _clip(manifest: Path, number: int, line: str) -> Clip:
    try:
        said = _Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise SetupError(f"{manifest}, line {number}: {where}: {first['msg']}") from None
    return Clip(manifest.parent / said.audio_filepath, said.text, said.lang)


def spoken(folder: Path) -> list[Clip]:
    """The sentences above, spoken by espeak-ng into files in this folder. Raises SetupError where there is none."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        raise SetupError("no speech to send: give --manifest, or install espeak-ng, which can speak some")
    clips = []
    for number, sentence in enumerate(SENTENCES):
        path = folder / f"espeak-{number}.wav"
        subprocess.run([espeak, "-v", "en-us", "-s", "140", "-w", str(path), sentence], check=True)
        clips.append(Clip(path, sentence, "en"))
    return clips


def decode(path: Path, rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """Any audio file as mono samples at this rate, in Hz. Raises SetupError when it is none."""
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
            frames += resampler.resample(None)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise SetupError(f"{path} cannot be decoded: {error}") from None
    if not frames:
        raise SetupError(f"{path} holds no sound")
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames])
