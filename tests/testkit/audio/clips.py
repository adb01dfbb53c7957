"""Real speech for tests: recorded clips of ../shared, or sentences spoken by espeak-ng where ../shared is absent."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import SetupError
from backend.load import clips
from backend.load.clips import decode as decode
from tests.paths import SHARED

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Clip(clips.AudioClip):
    """A recording and its reference text."""

    id: str = ""
    # "utt": one utterance; "para": several utterances; "bad-ref": the reference text is wrong and must not be scored.
    kind: str = "utt"
    speaker: str = ""


def available_clips(folder: Path) -> list[Clip]:
    """The clips of ../shared. Without it, synthesized sentences in `folder`."""
    return shared_clips() if SHARED.is_dir() else spoken_clips(folder)


def shared_clips(shared: Path = SHARED) -> list[Clip]:
    """Every development clip."""
    folder = shared / "audio" / "dev"
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        rows: Iterable[dict[str, str]] = csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Clip(
                folder / row["path"],
                row["reference_text"],
                row["lang"],
                id=row["id"],
                kind=row["kind"],
                speaker=row["speaker"],
            )
            for row in rows
        ]


def shortest_clip(clips: Iterable[Clip], more_than_s: float, language: str = "en") -> Clip:
    """The shortest clip in a language that lasts longer than `more_than_s`."""
    lengths = {clip: len(clip.pcm()) for clip in clips if clip.language == language}
    return min((clip for clip in lengths if lengths[clip] > more_than_s * RATE), key=lengths.__getitem__)


def clips_of(speaker: str, shortest_s: float = 4.0, longest_s: float = 8.0) -> list[Clip]:
    """The clips of one speaker that are long enough to describe a voice."""
    return [
        clip for clip in shared_clips() if clip.speaker == speaker and shortest_s <= len(clip.pcm()) / RATE <= longest_s
    ]


def with_pauses(clips: Iterable[Clip]) -> NDArray[np.int16]:
    """One recording of clips with a second of silence after each: [n], 16 kHz."""
    return np.concatenate([part for clip in clips for part in (clip.pcm(), np.zeros(RATE, np.int16))])


def spoken_clips(folder: Path) -> list[Clip]:
    """Sentences spoken by espeak-ng. Skips the test if espeak-ng is not installed."""
    try:
        spoken = clips.synthesize_clips(folder)
    except SetupError as error:
        pytest.skip(error.message)
    return [Clip(clip.path, clip.text, clip.language, id=clip.path.stem) for clip in spoken]


def write_manifest(written: Sequence[Clip], manifest: Path) -> Path:
    """Write the clips that have a correct reference text as a manifest for `nova load --manifest`."""
    lines = (
        json.dumps({"audio_filepath": str(clip.path.resolve()), "text": clip.text, "lang": clip.language})
        for clip in written
        if clip.kind != "bad-ref"
    )
    manifest.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return manifest
