"""Real speech for tests: recorded clips where they are at hand, else sentences that espeak-ng speaks."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.errors import SetupError
from backend.load import clips
from backend.load.clips import decode

__all__ = ["RATE", "Clip", "decode", "shared_clips", "spoken_clips", "write_manifest"]

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Clip(clips.AudioClip):
    """A recording and what is said in it."""

    id: str = ""
    kind: str = "utt"
    """"utt": one utterance; "para": several; "bad-ref": the text is not to be scored."""


def shared_clips(shared: Path) -> list[Clip]:
    """Every development clip."""
    folder = shared / "audio" / "dev"
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        rows: Iterable[dict[str, str]] = csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Clip(folder / row["path"], row["reference_text"], row["lang"], id=row["id"], kind=row["kind"])
            for row in rows
        ]


def spoken_clips(folder: Path) -> list[Clip]:
    """Sentences spoken by a synthesizer; skips where there is none."""
    try:
        spoken = clips.synthesize_clips(folder)
    except SetupError as error:
        pytest.skip(error.message)
    return [Clip(clip.path, clip.text, clip.language, id=clip.path.stem) for clip in spoken]


def write_manifest(said: Sequence[Clip], manifest: Path) -> Path:
    """The clips whose texts are to be trusted, for `nova load --manifest`."""
    lines = (
        json.dumps({"audio_filepath": str(clip.path.resolve()), "text": clip.text, "lang": clip.language})
        for clip in said
        if clip.kind != "bad-ref"
    )
    manifest.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return manifest
