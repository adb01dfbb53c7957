"""The limits of a cue: how long a line is, how fast viewers read, and for how long a cue is shown. Pure.

The values are those of the Netflix Timed Text Style Guides (lines, reading speeds for subtitles in the spoken language,
shortest and longest cue, gap) and of the BBC Subtitle Guidelines (how long a cue may stay after the speech).
"""

import re
from dataclasses import dataclass

# Five sixths of a second.
MIN_CUE_MS = 833
MAX_CUE_MS = 7_000
# Two frames of film, at 24 frames per second, rounded up.
MIN_GAP_MS = 84
# A cue stays for this long after its speech if there is room, and for the second time if viewers need that to read it.
LINGER_MS, LONGEST_LINGER_MS = 500, 1_500
MAX_LINES = 2
# A cue that needs at most this share of the reading speed is comfortable: 17 of 20 characters per second.
COMFORTABLE = 0.85


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Characters per line, and per second. Every character counts as one, spaces and marks included."""

    line_length: int
    reading_speed: float


@dataclass(frozen=True, slots=True)
class CueLimits:
    """The limits that a user may change; None: what the guides say about the script of the text."""

    line_length: int | None = None
    lines: int = MAX_LINES
    reading_speed: float | None = None
    gap_ms: int = MIN_GAP_MS

    def for_text(self, text: str, language: str) -> ReadingLimits:
        """Return the limits of a text in a language, such as "ja"."""
        usual = _BY_SCRIPT[_script(text, language)]
        return ReadingLimits(self.line_length or usual.line_length, self.reading_speed or usual.reading_speed)


def _script(text: str, language: str) -> str:
    """Return the language whose limits apply: characters of one script are read in another language as well."""
    if _KANA.search(text) or (language == "ja" and _HAN.search(text)):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    return "zh" if _HAN.search(text) else ""


_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_BY_SCRIPT = {
    "zh": ReadingLimits(16, 11),
    "ja": ReadingLimits(13, 7),
    "ko": ReadingLimits(16, 14),
    "": ReadingLimits(42, 20),
}
