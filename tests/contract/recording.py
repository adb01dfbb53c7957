"""What a release wrote into Redis and onto the WebSocket, kept as text: one file a kind, one of its kind a line."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"
PARSED = frozenset({"entries", "sessions", "heartbeats"})
"""Kinds that Redis does not keep as one text."""


@dataclass(slots=True)
class Recorded:
    """One release's."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """Stream entries: {"stream", "fields"}; audio in base64, and only its beginning."""
    events: list[str] = field(default_factory=list)
    """What was published on the sessions' channels."""
    sessions: list[dict[str, str]] = field(default_factory=list)
    """Sessions' hashes, at different moments of their lives."""
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Text frames of clients."""
    heard: list[str] = field(default_factory=list)
    """Text frames to clients."""

    def write(self, folder: Path) -> None:
        """One file for each kind."""
        folder.mkdir(parents=True)
        for kind in self.__dataclass_fields__:
            lines = (json.dumps(item) if kind in PARSED else item for item in getattr(self, kind))
            (folder / f"{kind}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> Recorded:
        """What `write` wrote."""
        lines = {
            kind: (folder / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
            for kind in Recorded.__dataclass_fields__
        }
        parsed: dict[str, list[Any]] = {kind: list(map(json.loads, lines[kind])) for kind in PARSED}
        return Recorded(**{**lines, **parsed})

    def of(self, lane: str) -> list[dict[Any, Any]]:
        """The fields of the entries whose stream's name ends so, as Redis gives them: "audio:final"."""
        return [decoded(entry["fields"]) for entry in self.entries if entry["stream"].endswith(f":{lane}")]


def releases() -> list[Path]:
    """The folders of all recorded releases."""
    return sorted(path for path in FOLDER.iterdir() if path.is_dir())


def encoded(fields: dict[bytes, bytes], most_audio: int) -> dict[str, str]:
    """An entry's fields as text, of its audio so many bytes."""
    return {
        name.decode(): base64.b64encode(value[:most_audio]).decode() if name == b"p" else value.decode()
        for name, value in fields.items()
    }


def decoded(fields: dict[str, str]) -> dict[bytes, bytes]:
    """The other way."""
    return {name.encode(): base64.b64decode(value) if name == "p" else value.encode() for name, value in fields.items()}
