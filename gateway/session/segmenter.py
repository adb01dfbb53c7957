"""Cuts a session's audio into utterances: windows and speech probabilities in, named events out.

Pure: no clock and no I/O, so hours of audio are tested without audio. All positions are samples of the session's audio
(16 kHz), counted from its first one. Utterances come in order and never overlap; an utterance's bytes are the input
from `start_sample` to `end_sample`, none lost and none doubled, also where a long one is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

WINDOW = 512
"""Samples that share one speech probability: 32 ms."""

_SAMPLES_PER_MS = 16

Reason = Literal["silence", "length", "finalize", "stop"]


def _windows(milliseconds: int) -> int:
    """Whole windows that cover a time."""
    return -(-milliseconds * _SAMPLES_PER_MS // WINDOW)


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as speech, and where it is cut."""

    start: float = 0.5
    """Probability from which a silent window turns into speech."""
    stop: float = 0.35
    """Probability below which speech turns into silence: lower than `start`, so that speech does not flutter."""
    min_speech_ms: int = 160
    """Speech must last this long to start an utterance: a click starts nothing."""
    pre_roll_ms: int = 300
    """Audio kept from before the first sure window, so that no first syllable is lost."""
    pause_ms: int = 192
    """Silence after which `Pause` says that the utterance may be over; also the silence kept at an utterance's end."""
    max_ms: int = 25_000
    """Length at which an utterance is cut."""
    search_ms: int = 5_000
    """How far back from there the quietest point is looked for."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of the session's audio."""

    start_sample: int
    end_sample: int
    """The first sample behind it."""
    pcm: bytes
    """s16le, 16 kHz, mono; two bytes a sample."""

    @property
    def start_ms(self) -> int:
        """Where it starts in the session's audio."""
        return self.start_sample // _SAMPLES_PER_MS

    @property
    def end_ms(self) -> int:
        """Where it ends in the session's audio."""
        return self.end_sample // _SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An utterance is open; exactly one `Utterance` will close it."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The utterance may be over: `Segmenter.clip()` is what it will be if the silence goes on. Decode it early."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """It was not over: speech went on after a `Pause`, and a result for that pause is stale."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """The utterance is closed. After reason "length" a `SpeechStarted` follows where speech goes on."""

    clip: Clip
    reason: Reason


Event = SpeechStarted | Pause | Resumed | Utterance


class Segmenter:
    """One session's cutting. Holds the open utterance (at most about 25 s) or the pre-roll, never more.

    feed() -> SpeechStarted (Pause Resumed)* [Pause] Utterance ...
    """

    def __init__(self, rules: Rules | None = None, *, endpoint_ms: int = 600, first_sample: int = 0) -> None:
        self.rules = rules or Rules()
        self.endpoint_ms = endpoint_ms
        """Silence that ends an utterance; may be changed at any time."""
        self.promised = first_sample
        """A long utterance is not cut before this position: words up to there have been shown for good."""
        self._pre_roll = _windows(self.rules.pre_roll_ms)
        self._min_speech = _windows(self.rules.min_speech_ms)
        self._pause = _windows(self.rules.pause_ms)
        self._max = _windows(self.rules.max_ms)
        self._search = _windows(self.rules.search_ms)
        self._open = False
        self._first = first_sample
        """Position of the first window kept."""
        self._kept: list[bytes] = []
        self._levels: list[float] = []
        self._voiced = 0
        """While an utterance is open: windows kept up to and with the last one that is speech."""
        self._run = 0
        """While none is open: windows of speech in a row, at the end of those kept."""

    @property
    def position(self) -> int:
        """The first sample not yet fed."""
        return self._first + len(self._kept) * WINDOW

    @property
    def kept_from(self) -> int:
        """The first sample that is still needed: what came before lies in closed utterances, or was silence."""
        return self._first

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open."""
        return self._open

    def clip(self) -> Clip | None:
        """The open utterance as it would be if it ended now; None while nobody speaks. Copies the audio."""
        if not self._open:
            return None
        end = min(len(self._kept), self._voiced + self._pause)
        return Clip(self._first, self._first + end * WINDOW, b"".join(self._kept[:end]))

    def feed(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32]) -> list[Event]:
        """Take [n, 512] windows and their [n] speech probabilities; returns what they bring about, in order."""
        levels = np.square(windows, dtype=np.float32).mean(axis=1).tolist()
        events: list[Event] = []
        for window, level, probability in zip(windows, levels, probabilities.tolist(), strict=True):
            self._kept.append(window.tobytes())
            self._levels.append(level)
            events += self._listen(probability) if self._open else self._wait(probability)
        return events

    def finalize(self) -> list[Event]:
        """End the open utterance here, without waiting for silence. Speech that goes on starts the next one."""
        return [self._close("finalize")] if self._open else []

    def flush(self) -> list[Event]:
        """End the open utterance because no more audio comes."""
        return [self._close("stop")] if self._open else []

    def _wait(self, probability: float) -> list[Event]:
        rules = self.rules
        self._run = self._run + 1 if probability >= (rules.stop if self._run else rules.start) else 0
        self._drop(max(0, len(self._kept) - self._run - self._pre_roll))
        if self._run < self._min_speech:
            return []
        self._open = True
        self._voiced = len(self._kept)
        return [SpeechStarted(self._first)]

    def _listen(self, probability: float) -> list[Event]:
        silent = self._voiced < len(self._kept) - 1
        if probability >= (self.rules.start if silent else self.rules.stop):
            return self._speech()
        return self._silence(len(self._kept) - self._voiced)

    def _speech(self) -> list[Event]:
        before = len(self._kept) - 1
        paused = before - self._voiced >= self._pause
        self._voiced = len(self._kept)
        events: list[Event] = [Resumed(self._first + before * WINDOW)] if paused else []
        return events + self._cut() if len(self._kept) >= self._max else events

    def _silence(self, silent: int) -> list[Event]:
        """A silence that begins at the length limit is waited out until `Pause`: it is the best place to cut."""
        if silent >= _windows(self.endpoint_ms):
            return [self._close("silence")]
        if silent >= self._pause and len(self._kept) >= self._max:
            return [self._close("length")]
        return [Pause(self.position)] if silent == self._pause else []

    def _cut(self) -> list[Event]:
        """Cut in mid-speech, between the two quietest neighbours (the latest of equals) of the last seconds."""
        promised = -(-(self.promised - self._first) // WINDOW)
        first = min(max(2, len(self._kept) - self._search, promised), len(self._kept) - 2)
        around = np.convolve(self._levels[first - 2 :], np.ones(4), mode="valid")
        at = first + len(around) - 1 - int(np.argmin(around[::-1]))
        piece = Clip(self._first, self._first + at * WINDOW, b"".join(self._kept[:at]))
        self._drop(at)
        self._voiced = len(self._kept)
        return [Utterance(piece, "length"), SpeechStarted(self._first)]

    def _close(self, reason: Reason) -> Utterance:
        clip = self.clip()
        assert clip is not None, "only an open utterance is closed"
        self._drop((clip.end_sample - clip.start_sample) // WINDOW)
        self._open = False
        self._run = 0
        return Utterance(clip, reason)

    def _drop(self, count: int) -> None:
        del self._kept[:count], self._levels[:count]
        self._first += count * WINDOW
