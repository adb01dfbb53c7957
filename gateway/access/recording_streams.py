"""Whether the workers read the streams of recordings, by their heartbeats. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from backend.messages.options import Priority
from backend.messages.protocol import Start
from backend.streams.observe.heartbeats import reads_recordings


class RecordingStreams:
    """Chooses the streams for the jobs of recordings.

    Workers of release 0.1.0 read only the streams of live speech, and announce nothing. While all workers of a
    kind do so, recordings use these streams, too: they are not left unread. While no worker of a kind is alive, the
    last answer holds.
    """

    def __init__(self) -> None:
        # By the kind of worker.
        self._are_read = {"stt": True, "translation": True}

    def update(self, processes: Collection[Mapping[str, Any]]) -> None:
        """Apply the heartbeats of all live processes."""
        for kind in self._are_read:
            if (is_read := reads_recordings(processes, kind)) is not None:
                self._are_read[kind] = is_read

    def priority(self, start: Start) -> Priority:
        """The priority of the jobs of a session with these options."""
        kinds = ("stt", "translation") if start.translate_to else ("stt",)
        return start.priority if all(self._are_read[kind] for kind in kinds) else "live"
