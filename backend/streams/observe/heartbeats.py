"""Questions that the heartbeats of all processes answer together. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any


def reads_recordings(processes: Iterable[Mapping[str, Any]], kind: str) -> bool | None:
    """Whether workers of a kind read the streams of recordings, by their heartbeats. None: no such worker is alive.

    Workers of release 0.1.0 do not, and announce nothing.
    """
    answers = [bool(process.get("reads_recordings")) for process in processes if process["kind"] == kind]
    return any(answers) if answers else None
