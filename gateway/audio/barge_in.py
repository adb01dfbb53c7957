"""Decides when a user interrupts the answer that the client plays. Pure.

The microphone records the answer as well, so speech alone is no interruption. It must be about as loud as the user's
earlier speech, and last. If the client says what it plays, words that differ from it decide instead.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import PartialResult
from backend.messages.protocol import Start
from backend.text.normalize import normalized_words
from gateway.audio.running_gain import levels_db, loud_level

# Speech of a probability that the detector rarely gives to noise.
SPEECH = 0.7
# A window without speech takes back this many windows with it: words have short pauses, noise has single windows.
_SILENCE_COST = 1
# The user's usual level is that of the louder quarter of the speech while nothing was played. Echo is quieter than this
# much below it, because echo cancellation of browsers and telephones removes 20 dB and more.
BELOW_USUAL_DB = 15.0
# Until the usual level is known. Speech into a headset or a telephone has -35 and more.
UNKNOWN_LEVEL_DB = -45.0
# Windows of speech that the usual level is computed from, and their least number.
_LEVELS, _FIRST_LEVELS = 94, 16
# Words of the user: this many in a row are not part of the answer, or none of a shorter text. The recognizer changes
# single words of an echo.
_OWN_WORDS = 3
# End of a partial that is compared with the answer, in characters.
_TEXT = 500
_WINDOW_MS = 32


class BargeIn:
    """The state of one session: listening to the user, or responding."""

    def __init__(self) -> None:
        self._options = Start()
        # The words of the answer and its pairs of words. Empty: sound decides.
        self._words: frozenset[str] = frozenset()
        self._pairs: frozenset[tuple[str, str]] = frozenset()
        # Windows of loud speech, less those that pauses take back, and the number of windows since it was 0.
        self._run = self._since = 0
        # The level costs time, so it is learned only after the first answer.
        self._learns_level = False
        self._levels: list[float] = []
        # Whether the client knows of the interruption. Set it when the event has been sent.
        self.was_sent = False

    def apply_options(self, options: Start) -> None:
        """Use these options from now on. Each change to `responding`, and each other answer, may be interrupted."""
        before, self._options = self._options, options
        is_new = options.playing != before.playing
        if is_new or options.partials != before.partials:
            # Without partials, there are no words to compare.
            words = normalized_words(options.playing) if options.partials else []
            self._words, self._pairs = frozenset(words), frozenset(pairwise(words))
        if is_new or not (options.responding and before.responding):
            self.restart()
            self.was_sent = False
        self._learns_level |= options.responding

    def restart(self) -> None:
        """Count speech from here on."""
        self._run = self._since = 0

    def process_windows(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32]) -> int | None:
        """Process [n, 512] windows and their [n] speech probabilities.

        Returns how many windows before the end of these the interrupting speech began, if it has lasted long enough.
        """
        if not self._options.responding:
            if self._learns_level:
                self._learn_level(windows[probabilities >= SPEECH])
            return None
        speech = probabilities >= SPEECH
        if self.was_sent or self._words or not (speech.any() or self._run):
            return None
        loud = speech & (np.array(levels_db(windows)) >= self._least_db)
        needed = -(-self._options.interrupt_ms // _WINDOW_MS)
        for i, is_loud in enumerate(loud.tolist()):
            self._run = self._run + 1 if is_loud else max(0, self._run - _SILENCE_COST)
            self._since = self._since + 1 if self._run else 0
            if self._run >= needed:
                return self._since + len(loud) - 1 - i
        return None

    def process_text(self, partial: PartialResult) -> bool:
        """Whether a partial contains words of the user. Without the text of the answer, sound decides."""
        if not self._options.responding or self.was_sent or not self._words:
            return False
        words = normalized_words((partial.committed + partial.tentative)[-_TEXT:])
        longest = run = 0
        for i, word in enumerate(words):
            is_echo = any(pair in self._pairs for pair in pairwise(words[max(0, i - 1) : i + 2]))
            # A text that is too short to compare pairs.
            is_echo |= len(words) < _OWN_WORDS and word in self._words
            run = 0 if is_echo else run + 1
            longest = max(longest, run)
        return bool(words) and longest >= min(_OWN_WORDS, len(words))

    @property
    def _least_db(self) -> float:
        if len(self._levels) < _FIRST_LEVELS:
            return UNKNOWN_LEVEL_DB
        return loud_level(self._levels) - BELOW_USUAL_DB

    def _learn_level(self, speech: NDArray[np.int16]) -> None:
        if len(speech):
            self._levels = (self._levels + levels_db(speech))[-_LEVELS:]
