"""Finds speech: WebRTC's detector as a cheap gate, Silero as the judge.

WebRTC's detector costs next to nothing and lets nearly all speech pass, but music and noise as well; Silero tells them
apart. While the gate is shut no neural network runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from gateway.audio.silero import CONTEXT, Judged, Silero, State, Stretch, fresh
from gateway.session.segmenter import WINDOW

Heard = tuple[NDArray[np.int16], NDArray[np.float32]]
"""Windows [n, 512] and the probability of speech in each, [n]."""

SILENT = 0.5
"""Probability below which a window may be silence."""
_GATE_FRAME = 320
"""Samples that WebRTC's detector judges: 20 ms."""
_HOLD = 24
"""Windows without a sign of speech after which the gate shuts: 0.77 s."""
_WARM_UP = 8
"""Windows from before the gate opened that Silero hears first, so that it does not judge out of nothing."""


class _Gate:
    """WebRTC's detector, and whether it has heard anything like speech of late."""

    def __init__(self, mode: int) -> None:
        self._detector = webrtcvad.Vad(mode)
        self._rest = b""
        self._quiet = _HOLD

    def passes(self, window: NDArray[np.int16]) -> bool:
        """Take the next window: whether it is worth Silero's time."""
        self._rest += window.tobytes()
        self._quiet += 1
        while len(self._rest) >= 2 * _GATE_FRAME:
            if self._detector.is_speech(self._rest[: 2 * _GATE_FRAME], SAMPLE_RATE):
                self._quiet = 0
            self._rest = self._rest[2 * _GATE_FRAME :]
        return self._quiet < _HOLD


@dataclass(frozen=True, slots=True)
class Question:
    """Windows that were heard, and what Silero has to say to them before `SpeechDetector.conclude` can."""

    windows: NDArray[np.int16]
    """[n, 512]"""
    stretches: tuple[Stretch, ...]
    """None while the gate is shut."""
    places: tuple[tuple[int, int], ...]
    """For each stretch: its first window, and how many of its probabilities, the last ones, count from there."""


class SpeechDetector:
    """One session's detector. How its audio is cut into calls makes no difference to what it says.

    Either `feed`, or `listen`, then `conclude` before the next `listen`: so many sessions can be judged together.
    """

    def __init__(self, silero: Silero, *, mode: int = 1) -> None:
        """`mode` is the gate's: from 0, which lets nearly anything pass, to 3."""
        self._silero = silero
        self._gate = _Gate(mode)
        self._rest = np.empty(0, np.int16)
        self._past = np.zeros((_WARM_UP + 1, WINDOW), np.int16)
        self._state: State | None = None
        """None while the gate is shut."""
        self._last = 0.0
        """The probability of the last window."""

    @property
    def silent(self) -> bool:
        """Whether the last window was silence: then an utterance may be about to end."""
        return self._last < SILENT

    def feed(self, samples: NDArray[np.int16]) -> Heard:
        """Take 16 kHz samples, any number; returns the windows they complete and what they are worth.

        Made for `segmenter.feed(*detector.feed(samples))`. A second of speech costs about 1 ms: minutes at once belong
        in a thread.
        """
        question = self.listen(samples)
        return self.conclude(question, self._silero.judge(question.stretches))

    def flush(self) -> Heard:
        """The last, incomplete window, padded with zeros; none when nothing is left."""
        return self.feed(np.zeros(-len(self._rest) % WINDOW, np.int16))

    def listen(self, samples: NDArray[np.int16]) -> Question:
        """Take 16 kHz samples, any number; returns what is to be judged."""
        samples = np.concatenate([self._rest, samples])
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :].copy()
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        heard = np.concatenate([self._past, windows])
        past = len(self._past)
        self._past = heard[count:].copy()
        stretches, places, start = [], [], past
        for passes, run in groupby(windows, self._gate.passes):
            end = start + sum(1 for _ in run)
            if passes:
                stretches.append(self._stretch(heard, start, end))
                places.append((start - past, end - start))
            else:
                self._state = None
            start = end
        return Question(windows, tuple(stretches), tuple(places))

    def conclude(self, question: Question, judged: Sequence[Judged]) -> Heard:
        """The windows of a question, and what they are worth by Silero's answer to its stretches."""
        probabilities = np.zeros(len(question.windows), np.float32)
        for (start, count), (some, state) in zip(question.places, judged, strict=True):
            probabilities[start : start + count] = some[len(some) - count :]
            if self._state is not None:
                self._state = state
        if len(probabilities):
            self._last = float(probabilities[-1])
        return question.windows, probabilities

    def _stretch(self, heard: NDArray[np.int16], start: int, end: int) -> Stretch:
        """Windows that passed, behind those that warm Silero up when it has heard nothing."""
        state = fresh() if self._state is None else self._state
        start -= _WARM_UP if self._state is None else 0
        self._state = state
        return Stretch(np.hstack([heard[start - 1 : end - 1, -CONTEXT:], heard[start:end]]), state)
