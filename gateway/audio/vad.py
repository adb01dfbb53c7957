"""Speech detection: WebRTC's detector as a cheap gate in front of Silero.

WebRTC's detector costs 5 us per 20 ms. In mode 1 it passes almost all speech, but also 98 % of music and 86 % of
noise, which Silero rejects (share of frames called speech; Silero: under 1 % and 13 %). While the gate is closed, no
neural network runs, so silent sessions cost almost nothing. Both see quiet audio amplified (see `running_gain`); the
windows that are returned are the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from gateway.audio.running_gain import RunningGain, levels_db
from gateway.audio.silero import CONTEXT, RecurrentState, SequenceResult, Silero, WindowSequence, initial_state
from gateway.session.segmenter import WINDOW

# Samples per decision of WebRTC's detector: 20 ms. It accepts 10, 20 or 30 ms.
_GATE_FRAME = 320
# Windows without speech after which the gate closes: 0.77 s.
_HOLD_WINDOWS = 24
# Windows from before the gate opened that Silero processes first. From an empty state its first results are unreliable.
_WARM_UP_WINDOWS = 8
# NumPy converts other types of limits at each call.
_LOWEST, _HIGHEST = np.float32(-32_768), np.float32(32_767)
# Samples kept from before the next window: the warm-up, and the context of its first window.
_PAST = (_WARM_UP_WINDOWS + 1) * WINDOW


class _WebRtcGate:
    """Open while WebRTC's detector has found speech recently."""

    def __init__(self, mode: int) -> None:
        self._detector = webrtcvad.Vad(mode)
        self._rest = b""
        self._quiet_windows = _HOLD_WINDOWS

    def passes(self, window: NDArray[np.int16]) -> bool:
        """Process the next window. Return whether Silero should evaluate it."""
        self._rest += window.tobytes()
        self._quiet_windows += 1
        while len(self._rest) >= 2 * _GATE_FRAME:
            if self._detector.is_speech(self._rest[: 2 * _GATE_FRAME], SAMPLE_RATE):
                self._quiet_windows = 0
            self._rest = self._rest[2 * _GATE_FRAME :]
        return self._quiet_windows < _HOLD_WINDOWS


class ScoredWindows(NamedTuple):
    """Windows [n, 512], and of each the speech probability, [n], and the level in dB of full scale."""

    windows: NDArray[np.int16]
    probabilities: NDArray[np.float32]
    levels: Sequence[float]


@dataclass(frozen=True, slots=True)
class PreparedWindows:
    """Windows [n, 512] with their levels, and the sequences that Silero must evaluate: none while the gate is closed.

    `positions` has, for each sequence, its first window and its number of windows. The sequence may begin with
    additional windows for warm-up, whose results are not used.
    """

    windows: NDArray[np.int16]
    levels: Sequence[float]
    sequences: tuple[WindowSequence, ...]
    positions: tuple[tuple[int, int], ...]


_NO_WINDOWS = PreparedWindows(np.empty((0, WINDOW), np.int16), (), (), ())


class SpeechDetector:
    """One session's detector. The result does not depend on how the audio is split into calls.

    Call `detect_speech`; or call `prepare_windows`, let Silero evaluate the sequences together with those of other
    sessions, and call `score_windows` before the next `prepare_windows`.
    """

    def __init__(self, silero: Silero, *, mode: int = 1) -> None:
        """`mode` is the aggressiveness of WebRTC's detector, from 0 (passes most) to 3."""
        self._silero = silero
        self._gate, self._gain = _WebRtcGate(mode), RunningGain()
        # The last windows, and samples that complete no window yet.
        self._past = np.zeros(_PAST, np.int16)
        # None while the gate is closed.
        self._state: RecurrentState | None = None

    def detect_speech(self, samples: NDArray[np.int16]) -> ScoredWindows:
        """Process any number of 16 kHz samples. Return the windows that they complete.

        A second of speech takes about 1 ms of CPU time, so run minutes of audio in a thread.
        """
        prepared = self.prepare_windows(samples)
        return self.score_windows(prepared, self._silero.infer(prepared.sequences))

    def flush(self) -> ScoredWindows:
        """The last, incomplete window, padded with zeros; no window if no samples are left."""
        return self.detect_speech(np.zeros(-len(self._past) % WINDOW, np.int16))

    def prepare_windows(self, samples: NDArray[np.int16]) -> PreparedWindows:
        """Process any number of 16 kHz samples. Return the windows that they complete, without probabilities."""
        buffer = np.concatenate([self._past, samples])
        count = (len(buffer) - _PAST) // WINDOW
        if count == 0:
            self._past = buffer
            return _NO_WINDOWS
        self._past = buffer[count * WINDOW :].copy()
        windows = buffer[_PAST : _PAST + count * WINDOW].reshape(count, WINDOW)
        levels = levels_db(windows)
        gains = self._gain.factors(windows, levels)
        inputs = _amplify(_with_context(buffer, 0, count), gains)
        sequences, positions, start = [], [], 0
        for passes, run in groupby(inputs[:, CONTEXT:], self._gate.passes):
            end = start + sum(1 for _ in run)
            if passes:
                sequences.append(self._sequence(buffer, inputs[start:end], start, gains[start]))
                positions.append((start, end - start))
            else:
                self._state = None
            start = end
        return PreparedWindows(windows, levels, tuple(sequences), tuple(positions))

    def score_windows(self, prepared: PreparedWindows, results: Sequence[SequenceResult]) -> ScoredWindows:
        """Combine prepared windows with Silero's results. Windows that did not pass the gate get probability 0."""
        probabilities = np.zeros(len(prepared.windows), np.float32)
        for (start, count), (scores, state) in zip(prepared.positions, results, strict=True):
            probabilities[start : start + count] = scores[len(scores) - count :]
            if self._state is not None:
                self._state = state
        return ScoredWindows(prepared.windows, probabilities, prepared.levels)

    def _sequence(
        self, buffer: NDArray[np.int16], inputs: NDArray[np.int16], start: int, gain: float
    ) -> WindowSequence:
        """Windows that passed the gate, after warm-up windows with the first one's gain if the gate has just opened."""
        if self._state is None:
            self._state = initial_state()
            warm_up = _with_context(buffer, start - _WARM_UP_WINDOWS, start)
            inputs = np.concatenate([_amplify(warm_up, [gain] * _WARM_UP_WINDOWS), inputs])
        return WindowSequence(inputs, self._state)


def _with_context(buffer: NDArray[np.int16], start: int, end: int) -> NDArray[np.int16]:
    """A view of windows with the samples before each, [n, 64 + 512]. Window 0 follows the past."""
    size = buffer.itemsize
    offset, strides = size * (_PAST + start * WINDOW - CONTEXT), (size * WINDOW, size)
    return np.ndarray((end - start, CONTEXT + WINDOW), np.int16, buffer, offset, strides)


def _amplify(windows: NDArray[np.int16], gains: Sequence[float]) -> NDArray[np.int16]:
    """Multiply each of [n, samples] windows by its gain. Returns the windows themselves if all gains are 1."""
    if max(gains, default=1.0) == 1.0:
        return windows
    amplified: NDArray[np.float32] = windows * np.array(gains, np.float32)[:, np.newaxis]
    np.rint(amplified, out=amplified)
    return amplified.clip(_LOWEST, _HIGHEST, out=amplified).astype(np.int16)
