"""When the audio of a connection has ended in mid-utterance: no audio arrives, and so no silence. Pure.

A muted microphone, or a recorder that leaves out silence, sends nothing. The endpoint is then found by wall clock. But
a stalled network sends nothing either, and must not divide a sentence. Frames arrive in order, so a frame that is not
audio, such as a keepalive, proves that the client sent no audio before it. Without one, only a long wait decides.

All times are monotonic times in seconds.
"""

from collections import deque
from math import exp2
from statistics import median_high

# A frame may be late, so the time between two frames may seem longer than it was. A lost TCP segment is repeated after
# at least 0.2 s (Linux) and a round trip.
JITTER_S = 0.3
# Without any frame. Four repetitions of a lost segment, after 0.2, 0.4, 0.8 and 1.6 s, are shorter. Longer stalls
# divide an utterance, and lose nothing.
STALL_S = 3.2
# Audio that arrived further ahead of real time belongs to an upload or a replay: its pauses are those of the network.
LEAD_S = 2.0
# Time in which a lead loses half of its weight: after a replay, the client speaks live again.
_LEAD_HALF_LIFE_S = 2.0
# Frames from which the usual length of a frame is taken.
_FRAMES = 9


class Arrivals:
    """The arrival of one connection's frames."""

    def __init__(self, now: float) -> None:
        # When the wait for the next audio began; None while audio is being processed.
        self._silent_since: float | None = now
        # Arrival of the last frame without audio since then.
        self._proof_at = now
        # Audio of the last frames. A client that sends chunks of a second sends nothing for a second between them.
        self._frames_s: deque[float] = deque([0.0], _FRAMES)
        self._lead_s, self._audio_at = 0.0, now

    def wait(self, now: float) -> None:
        """The connection waits for the next frame. Until then, frames may wait for the connection."""
        if self._silent_since is None:
            self._silent_since = now

    def record_frame(self, now: float, *, is_audio: bool) -> None:
        """A frame has arrived."""
        if is_audio:
            self._silent_since = None
        else:
            self._proof_at = now

    def record_audio(self, duration_s: float, now: float) -> None:
        """The last frame contained this much audio."""
        self._frames_s.append(duration_s)
        passed_s = now - self._audio_at
        self._lead_s = self._decayed_lead(passed_s) + max(0.0, duration_s - passed_s)
        self._audio_at = now

    def audio_has_ended(self, endpoint_s: float, now: float) -> bool:
        """Whether the client has sent no audio for long enough to end an utterance."""
        if self._silent_since is None or now - self._silent_since < endpoint_s or self._is_ahead(now):
            return False
        limit_s = endpoint_s + median_high(self._frames_s) + JITTER_S
        is_proven = self._proof_at - self._silent_since >= limit_s
        return is_proven or now - self._silent_since >= max(STALL_S, limit_s)

    def _is_ahead(self, now: float) -> bool:
        passed_s = now - self._audio_at
        return self._decayed_lead(passed_s) - passed_s > LEAD_S

    def _decayed_lead(self, passed_s: float) -> float:
        return self._lead_s * exp2(-passed_s / _LEAD_HALF_LIFE_S)
