"""How much one connection may send: token buckets of frames and bytes. Pure: time is an argument.

A small frame costs a gateway almost as much time as a large one, so bytes alone are no limit. A connection that exceeds
a rate is read more slowly. Only a client that sends many tiny frames for seconds is disconnected: uploads of files
also reach the rate, with frames of useful size.
"""

from dataclasses import dataclass

# Bytes. Frames below this size are tiny: 5 ms of 16 kHz audio have 160.
TINY_FRAME = 160
# Seconds of waiting for the frame rate, with tiny frames only, after which a connection is abusive.
TOLERATED_S = 5.0


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Sustained rates of one connection, and the burst that is allowed in addition, in seconds at these rates."""

    frames_per_s: float
    bytes_per_s: float
    burst_s: float = 2.0


class ReadBudget:
    """Token buckets of one connection. They go below zero, because a slice is counted after it was read."""

    def __init__(self, limits: ReadLimits, now: float, first_burst_s: float | None = None) -> None:
        """`first_burst_s` is the burst that a new connection may send, by default that of the limits."""
        self._limits, self._at = limits, now
        self._most_frames, self._most_bytes = limits.frames_per_s * limits.burst_s, limits.bytes_per_s * limits.burst_s
        burst_s = limits.burst_s if first_burst_s is None else first_burst_s
        self._frames, self._bytes = limits.frames_per_s * burst_s, limits.bytes_per_s * burst_s
        self._sent_frames = self._sent_bytes = 0
        self._tolerated_s = TOLERATED_S

    @property
    def is_abused(self) -> bool:
        """Whether the connection has exceeded the frame rate with tiny frames for too long."""
        return self._tolerated_s < 0

    def spend(self, frames: int, size: int, now: float) -> float:
        """Count received frames (control frames included) and bytes. Returns the seconds to wait before the next."""
        limits, elapsed_s, self._at = self._limits, now - self._at, now
        self._frames = min(self._most_frames, self._frames + limits.frames_per_s * elapsed_s) - frames
        self._bytes = min(self._most_bytes, self._bytes + limits.bytes_per_s * elapsed_s) - size
        self._sent_frames += frames
        self._sent_bytes += size
        frame_wait_s = 0.0
        if self._frames < 0:
            frame_wait_s = -self._frames / limits.frames_per_s
            self._judge(frame_wait_s)
        return max(frame_wait_s, -self._bytes / limits.bytes_per_s) if self._bytes < 0 else frame_wait_s

    def _judge(self, wait_s: float) -> None:
        is_tiny = self._sent_bytes < TINY_FRAME * self._sent_frames
        self._tolerated_s = self._tolerated_s - wait_s if is_tiny else TOLERATED_S
        self._sent_frames = self._sent_bytes = 0
