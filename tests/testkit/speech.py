"""Real speech for tests: recorded clips where they are at hand, else sentences that espeak-ng speaks."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

RATE = 16_000

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Please leave your message after the tone.",
    "The weather will be sunny tomorrow morning.",
    "She opened the window and looked at the garden.",
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what is said in it."""

    id: str
    path: Path
    language: str
    text: str
    kind: str = "utt"
    """"utt": one utterance; "para": several; "bad-ref": the text is not to be scored."""

    def pcm(self) -> NDArray[np.int16]:
        """[n], 16 kHz mono."""
        return decode(self.path)


def decode(path: Path, rate: int = RATE) -> NDArray[np.int16]:
    """Any audio file as mono samples at this rate, in Hz."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames])


def shared_clips(shared: Path) -> list[Clip]:
    """Every development clip."""
    folder = shared / "audio" / "dev"
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        rows: Iterable[dict[str, str]] = csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Clip(row["id"], folder / row["path"], row["lang"], row["reference_text"], row["kind"]) for row in rows]


def spoken_clips(folder: Path) -> list[Clip]:
    """The sentences above, spoken by a synthesizer; skips where there is none."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        pytest.skip("no recorded speech, and no espeak-ng to make some")
    clips = []
    for number, sentence in enumerate(SENTENCES):
        path = folder / f"espeak-{number}.wav"
        subprocess.run([espeak, "-v", "en-us", "-s", "140", "-w", str(path), sentence], check=True)
        clips.append(Clip(path.stem, path, "en", sentence))
    return clips
