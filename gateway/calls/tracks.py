"""Joins the tracks of a call, which arrive in messages of their own, to audio with a channel for each. Pure."""

from collections.abc import Sequence

# How long a track waits for another one. A telephone network delivers all tracks within a few packets of 20 ms.
LAG_MS = 200
# A longer gap in the timestamps of a track is no silence, but a wrong timestamp.
MAX_GAP_MS = 10_000


class TrackMixer:
    """The tracks of one call, whose samples have one byte. Gaps and missing tracks become silence."""

    def __init__(self, tracks: Sequence[str], sample_rate: int, silence: bytes) -> None:
        self._rate, self._silence = sample_rate, silence
        # Samples of each track that were not joined yet.
        self._waiting = {track: bytearray() for track in tracks}
        # Silence that stands for samples of a track that may still arrive.
        self._padded = dict.fromkeys(tracks, 0)
        # Samples that have been joined, and the timestamp of the first one.
        self._joined = 0
        self._origin_ms: int | None = None

    def receive(self, track: str, data: bytes, timestamp_ms: int | None) -> bytes:
        """Add samples of a track. Return the samples of all tracks that are complete, interleaved. Raises KeyError."""
        waiting = self._waiting[track]
        ahead = self._ahead_of(waiting, timestamp_ms)
        if 0 < ahead <= self._samples(MAX_GAP_MS):
            waiting += self._silence * ahead
        late = min(max(0, -ahead), self._padded[track], len(data))
        self._padded[track] -= late
        waiting += data[late:]
        return self._join()

    def _ahead_of(self, waiting: bytearray, timestamp_ms: int | None) -> int:
        """Samples between the end of a track and a timestamp; below 0 if silence has taken the place of samples."""
        if timestamp_ms is None:
            return 0
        if self._origin_ms is None:
            self._origin_ms = timestamp_ms
        return self._samples(timestamp_ms - self._origin_ms) - self._joined - len(waiting)

    def _samples(self, milliseconds: int) -> int:
        return milliseconds * self._rate // 1000

    def flush(self) -> bytes:
        """Return all samples: none will follow."""
        return self._join(lag=0)

    def _join(self, lag: int | None = None) -> bytes:
        self._pad(self._samples(LAG_MS) if lag is None else lag)
        count = min(map(len, self._waiting.values()))
        joined = bytearray(count * len(self._waiting))
        for number, waiting in enumerate(self._waiting.values()):
            joined[number :: len(self._waiting)] = waiting[:count]
            del waiting[:count]
        self._joined += count
        return bytes(joined)

    def _pad(self, lag: int) -> None:
        """Continue tracks with silence that are far behind the longest one."""
        due = max(map(len, self._waiting.values())) - lag
        for track, waiting in self._waiting.items():
            if (missing := due - len(waiting)) > 0:
                waiting += self._silence * missing
                self._padded[track] += missing
