"""Logs of rooms for tests."""

from typing import Any

from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.corrections import LoggedCaption

# Unix time of the first caption, in ms.
EPOCH_MS = 1_796_000_000_000


def spoken(n: int, text: str, at_ms: int, length_ms: int = 2_000, **more: Any) -> LoggedCaption:
    """The final of line `n`, written to the log at this time after EPOCH_MS."""
    times = {"start_ms": 50_000, "end_ms": 50_000 + length_ms}
    caption = Caption(line=f"a-{n}", text=text, is_final=True, **{"language": "en", **times, **more})
    return f"{EPOCH_MS + at_ms}-0", caption


def translated(n: int, text: str, at_ms: int, language: str = "es", **more: Any) -> LoggedCaption:
    """A translation of line `n`."""
    caption = Caption(line=f"a-{n}", text=text, language=language, is_translation=True, is_final=True, **more)
    return f"{EPOCH_MS + at_ms}-0", caption
