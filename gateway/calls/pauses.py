"""Silence in the place of audio that does not arrive. Pure.

Telephone systems may send nothing while all speakers are silent, and Asterisk sends a speech engine only the audio that
a dialplan waits for. Without samples, the end of an utterance would not be found before the next one begins.
"""

from collections.abc import Mapping

from backend.messages.options import SAMPLE_BYTES
from backend.messages.protocol import AudioFormat

# Without a frame for this long, audio has paused. Then silence follows in steps, at the pace of the audio.
PAUSE_MS, STEP_MS = 400, 200
# Silence for one pause. It ends an utterance, and costs little.
MAX_SILENCE_MS = 2_000
# After that, a telephone system whose audio may stop for long is idle, but still there.
KEEPALIVE_MS = 15_000
# The byte of silence, by the native name of the encoding. Others have 0.
SILENCE: Mapping[str, bytes] = {"mulaw": b"\xff", "alaw": b"\xd5"}


class AudioPause:
    """The time since the last frame of a call."""

    def __init__(self) -> None:
        self._silent_ms = 0

    def reset(self) -> None:
        """A frame has arrived."""
        self._silent_ms = 0

    def next_ms(self, *, for_long: bool) -> int | None:
        """How long to wait for the next frame; None: without a limit."""
        if self._silent_ms >= MAX_SILENCE_MS:
            return KEEPALIVE_MS if for_long else None
        return STEP_MS if self._silent_ms else PAUSE_MS

    def expire(self) -> int:
        """The wait is over. Return the milliseconds of silence that take the place of audio; 0: none."""
        if self._silent_ms >= MAX_SILENCE_MS:
            return 0
        passed = STEP_MS if self._silent_ms else PAUSE_MS
        self._silent_ms += passed
        return passed


def silence(audio: AudioFormat, duration_ms: int) -> bytes:
    """Samples without sound."""
    samples = audio.sample_rate * duration_ms // 1_000 * audio.channels
    return SILENCE.get(audio.encoding, b"\0") * (samples * SAMPLE_BYTES[audio.encoding])
