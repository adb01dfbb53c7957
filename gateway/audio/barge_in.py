"""Decides when a user interrupts the answer that the client plays. Pure.

The microphone records the answer as well, so speech alone is no interruption. It must be about as loud as the
user's earlier speech, and last. If the client says what it plays, words that differ from it decide instead.
"""

from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from backend.messages.options import Options
from backend.text.normalize import normalized_words
from gateway.audio.running_gain import levels_db

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
# Words of the user: this many in a row are not part of the answer, or no word is. The recognizer changes single words
# of an echo.
_OWN_WORDS = 3
_WINDOW_MS = 32


class BargeIn:
    """The state of one session: listening to the user, or responding."""

    def __init__(self) -> None:
        self._responding = False
        self._playing: list[str] = []
        self._needed = 0
        # Windows of loud speech, less those that pauses take back, and the number of windows since it was 0.
        self._run = self._since = 0
        self._levels: list[float] = []
        # Whether the client knows of the interruption. Set it when the event has been sent.
        self.was_sent = False

    def apply_options(self, options: Options) -> None:
        """Use these options from now on. Each change to `responding`, and each other answer, may be interrupted."""
        words = normalized_words(options.playing)
        if not (options.responding and self._responding and words == self._playing):
            self._run = self._since = 0
            self.was_sent = False
        self._responding, self._playing = options.responding, words
        self._needed = -(-options.interrupt_ms // _WINDOW_MS)

    def process_windows(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32]) -> int | None:
        """Process [n, 512] windows and their [n] speech probabilities.

        Returns how many windows before the end of these the interrupting speech began, if it has lasted long enough.
        """
        speech = probabilities >= SPEECH
        if not self._responding:
            self._learn_level(windows[speech])
            return None
        if self.was_sent or self._playing or not (speech.any() or self._run):
            return None
        loud = speech & (levels_db(windows) >= self._least_db)
        for i, is_loud in enumerate(loud.tolist()):
            self._run = self._run + 1 if is_loud else max(0, self._run - _SILENCE_COST)
            self._since = self._since + 1 if self._run else 0
            if self._run >= self._needed:
                return self._since + len(loud) - 1 - i
        return None

    def process_text(self, text: str) -> bool:
        """Whether a partial contains words of the user. Without the text of the answer, sound decides."""
        words = normalized_words(text)
        if not self._responding or self.was_sent or not self._playing or not words:
            return False
        blocks = SequenceMatcher(a=self._playing, b=words, autojunk=False).get_matching_blocks()
        ends = [0, *(block.b + block.size for block in blocks)]
        own = [block.b - end for end, block in zip(ends, blocks, strict=False)]
        return max(own) >= min(_OWN_WORDS, len(words))

    @property
    def _least_db(self) -> float:
        if len(self._levels) < _FIRST_LEVELS:
            return UNKNOWN_LEVEL_DB
        return sorted(self._levels)[len(self._levels) * 3 // 4] - BELOW_USUAL_DB

    def _learn_level(self, speech: NDArray[np.int16]) -> None:
        if len(speech):
            self._levels = (self._levels + levels_db(speech).tolist())[-_LEVELS:]
