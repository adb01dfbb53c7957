"""Where a text may be divided: between words, in any script. Pure.

Scripts that are written without spaces are divided between the words of ICU's dictionaries (Chinese, Japanese, Thai,
Lao, Khmer, Burmese) or, where there is no dictionary (Tibetan, Javanese, Balinese), between syllables. The rules for
punctuation are those of Unicode: no line begins with a closing mark (UAX 14).
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from icu4py.breakers import CharacterBreaker, LineBreaker, WordBreaker

from backend.text.normalize import is_mark
from backend.text.writing_systems import UNSPACED

# Letters for which ICU knows no words; its rules for lines divide them between syllables.
_WITHOUT_DICTIONARY = "\u0f00-\u0fff\u1b00-\u1b7f\ua980-\ua9df"
_UNKNOWN_WORDS = re.compile(f"[{_WITHOUT_DICTIONARY}]")
_WIDE_STOP = re.compile("[、。！，：；？]+[”’」』）】》〉]*(?![”’」』）】》〉、。！，：；？])")
_DIVISIBLE = re.compile(rf"[\s{UNSPACED}、。！，：；？]")


def split_phrases(text: str, language: str) -> list[str]:
    """Split a text into the smallest pieces that belong on one line; joined, they are the text.

    `language` is a code such as "ja". White space is at the end of a piece. Text in a script with spaces is divided at
    spaces only, so a word with a hyphen or an address is one piece.
    """
    # Without "phrase", Korean words are divided, and Japanese particles are separated from their words. With it, a
    # Japanese sentence is not divided from one that begins with a digit.
    phrases = set(_ends(LineBreaker(text, f"{language}@lw=phrase")))
    stops = {stop.end() for stop in _WIDE_STOP.finditer(text)}
    words = set(_ends(WordBreaker(text, language)))
    inner = (end for end in sorted(phrases | stops) if 0 < end < len(text) and _divides(text, end, words))
    return [text[start:end] for start, end in pairwise((0, *inner, len(text))) if start < end]


def split_anywhere(text: str, longest: int) -> list[str]:
    """Split a text into pieces of at most `longest` characters that divide no character from its marks."""
    pieces: list[str] = []
    for cluster in CharacterBreaker(text, "en"):
        if pieces and len(pieces[-1]) + len(cluster) <= longest:
            pieces[-1] += cluster
        else:
            pieces.append(cluster)
    return pieces


def _ends(breaker: LineBreaker | WordBreaker) -> Iterator[int]:
    """Return the end of each segment in characters; ICU itself counts units of UTF-16."""
    return accumulate(map(len, breaker))


def _divides(text: str, end: int, words: set[int]) -> bool:
    """Whether an opportunity for a line break is between two words, and not at a hyphen or slash inside one."""
    around = text[end - 1 : end + 1]
    if is_mark(around[1]) and not around[0].isspace():
        return False
    return bool(_DIVISIBLE.search(around)) and (end in words or bool(_UNKNOWN_WORDS.search(around)))
