"""Speech detection: WebRTC's detector as a cheap gate in front of Silero.

WebRTC's detector costs 5 us per 20 ms. In mode 1 it passes almost all speech, but also 98 % of music and 86 % of
noise, which Silero rejects (share of frames called speech; Silero: under 1 % and 13 %). While the gate is closed, no
neural network runs, so silent sessions cost almost nothing. Both see quiet audio amplified (see `running_gain`); the
windows that are returned are the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from gateway.audio.running_gain import RunningGain
from gateway.audio.silero import CONTEXT, RecurrentState, SequenceResult, Silero, WindowSequence, initial_state
from gateway.session.segmenter import WINDOW

# Windows [n, 512] and the speech probability of each, [n].
ScoredWindows = tuple[NDArray[np.int16], NDArray[np.float32]]

# A last window below this probability may be the beginning of an endpoint.
SILENCE_PROBABILITY = 0.5
# Samples per decision of WebRTC's detector: 20 ms. It accepts 10, 20 or 30 ms.
_GATE_FRAME = 320
# Windows without speech after which the gate closes: 0.77 s, longer than the default endpoint of 0.6 s.
_HOLD_WINDOWS = 24
# Windows from before the gate opened that Silero processes first. From an empty state its first results are unreliable.
_WARM_UP_WINDOWS = 8


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


@dataclass(frozen=True, slots=True)
class PreparedWindows:
    """Windows [n, 512], and the sequences among them that Silero must evaluate: none while the gate is closed.

    `positions` has, for each sequence, its first window and its number of windows. The sequence may begin with
    additional windows for warm-up, whose results are not used.
    """

    windows: NDArray[np.int16]
    sequences: tuple[WindowSequence, ...]
    positions: tuple[tuple[int, int], ...]


class SpeechDetector:
    """One session's detector. The result does not depend on how the audio is split into calls.

    Call `detect_speech`; or call `prepare_windows`, let Silero evaluate the sequences together with those of other
    sessions, and call `score_windows` before the next `prepare_windows`.
    """

    def __init__(self, silero: Silero, *, mode: int = 1) -> None:
        """`mode` is the aggressiveness of WebRTC's detector, from 0 (passes most) to 3."""
        self._silero = silero
        self._gate, self._gain = _WebRtcGate(mode), RunningGain()
        self._rest = np.empty(0, np.int16)
        self._history = np.zeros((_WARM_UP_WINDOWS + 1, WINDOW), np.int16)
        # None while the gate is closed.
        self._state: RecurrentState | None = None
        self._last_probability = 0.0

    @property
    def in_silence(self) -> bool:
        """Whether the last window was silent, so that an endpoint may follow."""
        return self._last_probability < SILENCE_PROBABILITY

    def detect_speech(self, samples: NDArray[np.int16]) -> ScoredWindows:
        """Process any number of 16 kHz samples. Return the windows that they complete.

        A second of speech takes about 1 ms of CPU time, so run minutes of audio in a thread.
        """
        prepared = self.prepare_windows(samples)
        return self.score_windows(prepared, self._silero.infer(prepared.sequences))

    def flush(self) -> ScoredWindows:
        """The last, incomplete window, padded with zeros; no window if no samples are left."""
        return self.detect_speech(np.zeros(-len(self._rest) % WINDOW, np.int16))

    def prepare_windows(self, samples: NDArray[np.int16]) -> PreparedWindows:
        """Process any number of 16 kHz samples. Return the windows that they complete, without probabilities."""
        samples = np.concatenate([self._rest, samples])
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :].copy()
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        gains = self._gain.factors(windows)
        buffer = np.concatenate([self._history, windows])
        past = len(self._history)
        self._history = buffer[count:].copy()
        sequences, positions, start = [], [], 0
        for passes, run in groupby(_amplify(windows, gains), self._gate.passes):
            end = start + sum(1 for _ in run)
            if passes:
                sequences.append(self._sequence(buffer, past + start, gains[start:end]))
                positions.append((start, end - start))
            else:
                self._state = None
            start = end
        return PreparedWindows(windows, tuple(sequences), tuple(positions))

    def score_windows(self, prepared: PreparedWindows, results: Sequence[SequenceResult]) -> ScoredWindows:
        """Combine prepared windows with Silero's results. Windows that did not pass the gate get probability 0."""
        probabilities = np.zeros(len(prepared.windows), np.float32)
        for (start, count), (scores, state) in zip(prepared.positions, results, strict=True):
            probabilities[start : start + count] = scores[len(scores) - count :]
            if self._state is not None:
                self._state = state
        if len(probabilities):
            self._last_probability = float(probabilities[-1])
        return prepared.windows, probabilities

    def _sequence(self, buffer: NDArray[np.int16], start: int, gains: NDArray[np.float32]) -> WindowSequence:
        """Windows that passed the gate, after warm-up windows if the gate has just opened."""
        end = start + len(gains)
        if self._state is None:
            self._state = initial_state()
            start -= _WARM_UP_WINDOWS
            gains = np.concatenate([np.repeat(gains[:1], _WARM_UP_WINDOWS), gains])
        inputs = np.hstack([buffer[start - 1 : end - 1, -CONTEXT:], buffer[start:end]])
        return WindowSequence(_amplify(inputs, gains), self._state)


def _amplify(windows: NDArray[np.int16], gains: NDArray[np.float32]) -> NDArray[np.int16]:
    """Multiply each of [n, samples] windows by its gain, [n]."""
    if all(gain == 1.0 for gain in gains.tolist()):
        return windows
    amplified: NDArray[np.float32] = np.rint(windows * gains[:, np.newaxis])
    return np.minimum(np.maximum(amplified, -32_768), 32_767).astype(np.int16)
