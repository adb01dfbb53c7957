"""Cuts a session's audio into utterances: windows and speech probabilities in, named events out.

Pure: no clock and no I/O. All positions are samples of the session's audio (16 kHz), counted from its first sample.
Utterances are in order and never overlap. Their bytes are the input from `start_sample` to `end_sample`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.messages.options import ENDPOINT_MS

# Samples that share one speech probability: 32 ms, the window size of Silero VAD at 16 kHz.
WINDOW = 512

_SAMPLES_PER_MS = 16
# Windows of a pause that the next clause begins with.
_CLAUSE_PRE_ROLL = 3

# "turn": the speaker has finished, whatever the silence; "pause": a short silence near the length limit; "clause": a
# pause of a long utterance, after which the speech continues; "length": a cut inside speech.
Reason = Literal["silence", "turn", "pause", "clause", "length", "finalize", "stop"]
EndReason = Literal["silence", "turn", "finalize", "stop"]


def _windows(milliseconds: int) -> int:
    """Number of whole windows that cover a duration."""
    return -(-milliseconds * _SAMPLES_PER_MS // WINDOW)


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds for speech, and limits for cutting it."""

    # Hysteresis around Silero's usual threshold of 0.5: a silent window becomes speech from `start` on, and speech
    # becomes silence only below `stop` (Silero's own iterator uses threshold - 0.15). A single threshold would
    # split words whose probability fluctuates around it.
    start: float = 0.5
    stop: float = 0.35
    # Shorter runs of speech, such as clicks, start no utterance. With these values, 99.9 % of the windows that Silero
    # calls speech are inside utterances, and under 1 % of noise and music is (tests/integration/test_vad.py).
    min_speech_ms: int = 160
    # Audio kept from before the first window of speech, so that soft first consonants are not cut off.
    pre_roll_ms: int = 300
    # Silence after which `PauseDetected` allows an early final. The same silence is kept at an utterance's end.
    pause_ms: int = 192
    # The shortest pause in which a long utterance is divided. It is longer than `pause_ms`: the early final of the
    # pause becomes the final of the clause, and the rest of the pause precedes the next one.
    clause_pause_ms: int = 400
    # An utterance is cut at this length, because Whisper decodes windows of 30 s.
    max_ms: int = 25_000
    # In the last fifth before the limit, a pause ends the utterance. Without one, the cut is made in the latest pause
    # after the first third, because Whisper recognizes short pieces worse, and otherwise at the quietest point of this
    # much audio.
    search_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class SpeechClip:
    """Part of a session's audio: s16le, 16 kHz, mono. `end_sample` is the first sample after it."""

    start_sample: int
    end_sample: int
    pcm: bytes

    @property
    def start_ms(self) -> int:
        """Start in the session's audio."""
        return self.start_sample // _SAMPLES_PER_MS

    @property
    def end_ms(self) -> int:
        """End in the session's audio."""
        return self.end_sample // _SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """An utterance is open. Exactly one `UtteranceEnded` follows."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class PauseDetected:
    """The utterance may be over: if the silence continues, `Segmenter.clip()` is the whole utterance."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """Speech continued after a `PauseDetected`: results for that pause are stale."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The utterance is closed. After "clause" and "length", an `UtteranceStarted` follows at the same position."""

    clip: SpeechClip
    reason: Reason
    # Silence after the last speech.
    silence_ms: int = 0


SegmentEvent = UtteranceStarted | PauseDetected | SpeechResumed | UtteranceEnded


class Segmenter:
    """The segmenter of one session. Holds the open utterance (at most about 25 s) or the pre-roll.

    UtteranceStarted (PauseDetected SpeechResumed)* [PauseDetected] UtteranceEnded ...
    """

    def __init__(self, rules: Rules | None = None, *, endpoint_ms: int = ENDPOINT_MS, first_sample: int = 0) -> None:
        self.rules = rules or Rules()
        self.endpoint_ms = endpoint_ms
        # False: only `end_utterance` and the length limit end utterances, which contain all audio.
        self.endpointing = True
        # Whether a short pause near the length limit ends an utterance. If not, a longer pause can still end a turn.
        self.cuts_in_pauses = True
        # From this length on, an utterance is divided where the speech continues after a pause. 0: it is not divided.
        self.clause_ms = 0
        # Silence that ends the utterance in the present pause, instead of `endpoint_ms`. More speech resets it.
        self.pause_limit_ms: int | None = None
        # Words up to this sample are committed. A long utterance is not cut before it.
        self.committed_until = first_sample
        self._pre_roll = _windows(self.rules.pre_roll_ms)
        self._min_speech = _windows(self.rules.min_speech_ms)
        self._max = _windows(self.rules.max_ms)
        self._search = _windows(self.rules.search_ms)
        # Whether an utterance is open.
        self.is_open = False
        # Position of the first buffered sample. Earlier audio is in closed utterances, or was silence.
        self.buffered_from = first_sample
        self._buffer: list[bytes] = []
        # While an utterance is open: number of buffered windows up to and including the last one with speech.
        self._speech_end = 0
        # Number of buffered windows at the `PauseDetected` of the present silence; 0 before it.
        self._paused_at = 0
        # The middle of its latest pause, in buffered windows; 0 if it has none.
        self._last_pause = 0
        # While no utterance is open: number of consecutive speech windows at the end of the buffer.
        self._speech_run = 0

    @property
    def endpoint_ms(self) -> int:
        """Silence that ends an utterance. May change at any time."""
        return self._endpoint_ms

    @endpoint_ms.setter
    def endpoint_ms(self, endpoint_ms: int) -> None:
        self._endpoint_ms = endpoint_ms
        # With a short endpoint, the early final starts sooner, so that it is ready at the endpoint.
        self._pause = min(_windows(self.rules.pause_ms), max(2, _windows(endpoint_ms) // 2))

    @property
    def silence_limit_ms(self) -> int:
        """Silence that ends the open utterance."""
        return self.pause_limit_ms or self.endpoint_ms

    @property
    def position(self) -> int:
        """Position of the next sample."""
        return self.buffered_from + len(self._buffer) * WINDOW

    @property
    def silence_ms(self) -> int:
        """Silence at the end of the open utterance; 0 when none is open."""
        return (len(self._buffer) - self._speech_end) * WINDOW // _SAMPLES_PER_MS if self.is_open else 0

    def clip(self) -> SpeechClip | None:
        """A copy of the open utterance as if it ended now; None when no utterance is open."""
        if not self.is_open:
            return None
        end = min(len(self._buffer), self._speech_end + self._pause)
        return SpeechClip(self.buffered_from, self.buffered_from + end * WINDOW, b"".join(self._buffer[:end]))

    def process_windows(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32]) -> list[SegmentEvent]:
        """Process [n, 512] windows and their [n] speech probabilities. Return the resulting events, in order."""
        events: list[SegmentEvent] = []
        for window, probability in zip(windows, probabilities.tolist(), strict=True):
            self._buffer.append(window.tobytes())
            events += self._next_events(probability)
        return events

    def _next_events(self, probability: float) -> list[SegmentEvent]:
        if not self.endpointing:
            return self._collect()
        return self._continue_utterance(probability) if self.is_open else self._await_speech(probability)

    def end_utterance(self, reason: EndReason) -> list[SegmentEvent]:
        """End the open utterance now, without waiting for silence. Speech that continues starts the next one."""
        return [self._close(reason)] if self.is_open else []

    def discard(self) -> None:
        """Drop all audio that is not in a closed utterance. An open utterance ends without an event."""
        self._drop_windows(len(self._buffer))
        self.is_open = False
        self._speech_run = 0

    def _collect(self) -> list[SegmentEvent]:
        """Add the newest window to the utterance, whatever it contains."""
        if self.is_open:
            return self._include_newest()  # endpointing may have been switched off during a pause
        self.is_open = True
        self._speech_end = len(self._buffer)
        return [UtteranceStarted(self.buffered_from)]

    def _await_speech(self, probability: float) -> list[SegmentEvent]:
        rules = self.rules
        threshold = rules.stop if self._speech_run else rules.start
        self._speech_run = self._speech_run + 1 if probability >= threshold else 0
        self._drop_windows(max(0, len(self._buffer) - self._speech_run - self._pre_roll))
        if self._speech_run < self._min_speech:
            return []
        self.is_open = True
        self._speech_end = len(self._buffer)
        return [UtteranceStarted(self.buffered_from)]

    def _continue_utterance(self, probability: float) -> list[SegmentEvent]:
        in_silence = self._speech_end < len(self._buffer) - 1
        if probability >= (self.rules.start if in_silence else self.rules.stop):
            return self._extend_speech()
        return self._extend_silence(len(self._buffer) - self._speech_end)

    def _extend_speech(self) -> list[SegmentEvent]:
        before = len(self._buffer) - 1
        if self._is_after_clause(before):
            return self._cut_at(self._paused_at, "clause")
        if self._paused_at:
            self._last_pause = (self._speech_end + before) // 2
        return self._include_newest()

    def _include_newest(self) -> list[SegmentEvent]:
        """The open utterance now reaches to the newest window, which ends a pause."""
        paused, self._paused_at = self._paused_at, 0
        self.pause_limit_ms = None
        self._speech_end = len(self._buffer)
        events: list[SegmentEvent] = [SpeechResumed(self.position - WINDOW)] if paused else []
        return events + self._cut() if len(self._buffer) >= self._max else events

    def _is_after_clause(self, before: int) -> bool:
        """Whether speech continues, after the first `before` windows, where a long utterance is divided."""
        is_long = 0 < self.clause_ms * _SAMPLES_PER_MS <= self._speech_end * WINDOW
        shortest = max(_windows(self.rules.clause_pause_ms), self._paused_at - self._speech_end + _CLAUSE_PRE_ROLL)
        return is_long and self._paused_at > 0 and before - self._speech_end >= shortest

    def _extend_silence(self, silent: int) -> list[SegmentEvent]:
        if silent >= _windows(self.silence_limit_ms):
            return [self._close("silence")]
        # Near the length limit, a pause is a better cut than any point inside words. It may begin at the limit itself.
        near_limit = self._speech_end >= self._max * 4 // 5 or len(self._buffer) >= self._max
        if silent >= self._pause and near_limit and self.cuts_in_pauses:
            return [self._close("pause")]
        if silent < self._pause or self._paused_at:
            return []
        self._paused_at = len(self._buffer)
        return [PauseDetected(self.position)]

    def _cut(self) -> list[SegmentEvent]:
        """Cut the open utterance during speech."""
        committed = -(-(self.committed_until - self.buffered_from) // WINDOW)
        in_pause = self._last_pause >= max(self._max // 3, committed)
        return self._cut_at(self._last_pause if in_pause else self._quietest_point(committed), "length")

    def _cut_at(self, at: int, reason: Literal["clause", "length"]) -> list[SegmentEvent]:
        piece = SpeechClip(self.buffered_from, self.buffered_from + at * WINDOW, b"".join(self._buffer[:at]))
        self._drop_windows(at)
        self._speech_end = len(self._buffer)
        return [UtteranceEnded(piece, reason), UtteranceStarted(self.buffered_from)]

    def _quietest_point(self, committed: int) -> int:
        """The middle of the four quietest successive windows after `committed`, the latest if several are equal."""
        first = min(max(2, len(self._buffer) - self._search, committed), len(self._buffer) - 2)
        windows = np.frombuffer(b"".join(self._buffer[first - 2 :]), np.int16).reshape(-1, WINDOW)
        levels = np.square(windows, dtype=np.float32).mean(axis=1)
        sums = np.convolve(levels, np.ones(4), mode="valid")
        # argmin returns the first minimum, so search backwards for the last one.
        return first + len(sums) - 1 - int(np.argmin(sums[::-1]))

    def _close(self, reason: Reason) -> UtteranceEnded:
        clip = self.clip()
        assert clip is not None, "only an open utterance is closed"
        silence_ms = self.silence_ms
        self._drop_windows((clip.end_sample - clip.start_sample) // WINDOW)
        self.is_open = False
        self._speech_run = 0
        return UtteranceEnded(clip, reason, silence_ms)

    def _drop_windows(self, count: int) -> None:
        self._paused_at = 0
        self.pause_limit_ms = None
        del self._buffer[:count]
        self.buffered_from += count * WINDOW
        self._last_pause = max(0, self._last_pause - count)
