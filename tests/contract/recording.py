"""Recorded data that a release wrote to Redis and the WebSocket: one text file per kind, one record per line."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"
PARSED = frozenset({"entries", "sessions", "heartbeats"})  # kinds that are written as JSON, not as the original text


@dataclass(slots=True)
class Recorded:
    """The records of one release."""

    # Stream entries: {"stream", "fields"}; only the beginning of the audio, in base64.
    entries: list[dict[str, Any]] = field(default_factory=list)
    # Messages that were published on session channels.
    events: list[str] = field(default_factory=list)
    # Session hashes at different times.
    sessions: list[dict[str, str]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    # Text frames from clients, and to clients.
    said: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write one file for each kind."""
        folder.mkdir(parents=True)
        for kind in self.__dataclass_fields__:
            lines = (json.dumps(item) if kind in PARSED else item for item in getattr(self, kind))
            (folder / f"{kind}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> "Recorded":
        """Read what `write` wrote."""
        lines = {
            kind: (folder / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
            for kind in Recorded.__dataclass_fields__
        }
        parsed: dict[str, list[Any]] = {kind: list(map(json.loads, lines[kind])) for kind in PARSED}
        return Recorded(**{**lines, **parsed})

    def of(self, stream: str) -> list[dict[Any, Any]]:
        """The fields, as Redis returns them, of the entries of streams with this suffix, for example "audio:final"."""
        return [decoded(entry["fields"]) for entry in self.entries if entry["stream"].endswith(f":{stream}")]


def releases() -> list[Path]:
    """The folders of all recorded releases."""
    return sorted(path for path in FOLDER.iterdir() if path.is_dir())


def encoded(fields: dict[bytes, bytes], max_audio: int) -> dict[str, str]:
    """The fields of an entry as text, with at most `max_audio` bytes of its audio."""
    return {
        name.decode(): base64.b64encode(value[:max_audio]).decode() if name == b"p" else value.decode()
        for name, value in fields.items()
    }


def decoded(fields: dict[str, str]) -> dict[bytes, bytes]:
    """The reverse of `encoded`."""
    return {name.encode(): base64.b64decode(value) if name == "p" else value.encode() for name, value in fields.items()}
