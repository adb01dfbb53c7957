"""Scripts that are written without spaces between words, and how text is split into words in any script. Pure.

The decision is made by character and not by language, because texts are mixed: 今天 AI 很好 has five words. Korean
writes spaces between words and is not among these scripts.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable

_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan: syllables are separated by a mark, words are not
    (0x1000, 0x109F),  # Burmese, Shan
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese script; the language is usually written in Latin script, with spaces
    (0x3005, 0x3007),  # 々 〆 〇
    (0x303B, 0x303B),  # 〻
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo Extended
    (0x31F0, 0x31FF),  # Katakana Phonetic Extensions
    (0x3400, 0x9FFF),  # Han
    (0xA980, 0xA9DF),  # Javanese script; the language is usually written in Latin script, with spaces
    (0xA9E0, 0xA9FF),  # Myanmar Extended-B
    (0xAA60, 0xAA7F),  # Myanmar Extended-A
    (0xAA80, 0xAADF),  # Tai Viet
    (0xF900, 0xFAFF),  # Han compatibility ideographs
    (0xFF66, 0xFF9F),  # halfwidth Katakana
    (0x16FE2, 0x16FF6),  # marks of Han
    (0x1AFF0, 0x1B16F),  # historic Kana
    (0x20000, 0x3FFFF),  # Han extensions
)
# Vowel signs and tone marks belong to the letter before them and are not words of their own.
_MARKS = "".join(
    re.escape(chr(code))
    for first, last in _UNSPACED_RANGES
    if last < sys.maxunicode and first < 0x20000
    for code in range(first, last + 1)
    if unicodedata.category(chr(code)).startswith("M")
)

# The content of a character class of a regular expression.
UNSPACED = "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSPACED_RANGES)
# Matches one character of an unspaced script with its marks.
UNSPACED_CHARACTER = f"[{UNSPACED}][{_MARKS}]*"
# Matches one word with the punctuation around it; in an unspaced script, one character counts as a word.
WORD = f"{UNSPACED_CHARACTER}|[^\\s{UNSPACED}]+"

_WORD = re.compile(WORD)
_UNSPACED_CHARACTER = re.compile(UNSPACED_CHARACTER)
# The last character of a text and the first one of the next: unspaced letters, or their fullwidth punctuation.
_UNSPACED_EDGE = re.compile(f"[{UNSPACED}{_MARKS}\u3000-\u303f\uff01-\uff65]{{2}}")

# Scripts of FLORES-200 codes. Thai, Lao, Khmer, Burmese and Tibetan do write a space between sentences.
_NO_SPACE_BETWEEN_SENTENCES = frozenset({"Hans", "Hant", "Jpan"})


def split_words(text: str) -> list[str]:
    """Split into words, each with the space and punctuation before it: joined, they are the text up to its last letter.

    In scripts without spaces, each character with its marks is a word.
    """
    pieces: list[str] = []
    begin = 0
    for match in _WORD.finditer(text):
        end = max((i + 1 for i in range(*match.span()) if is_letter(text[i])), default=begin)
        if end > begin:
            pieces.append(text[begin:end])
        begin = end
    return pieces


def separate_unspaced(text: str) -> str:
    """Put spaces around each character of an unspaced script, so that `str.split` yields words in any script."""
    return text if text.isascii() else _UNSPACED_CHARACTER.sub(r" \g<0> ", text)


def join_texts(texts: Iterable[str]) -> str:
    """Join the texts of successive utterances. No space is put between two characters of an unspaced script."""
    joined = ""
    for text in filter(None, texts):
        is_unspaced = bool(joined) and _UNSPACED_EDGE.fullmatch(joined[-1] + text[0])
        joined += text if not joined or is_unspaced else f" {text}"
    return joined


def is_letter(character: str) -> bool:
    """Whether a character is a letter, a mark on a letter, or a digit: everything but punctuation and spaces."""
    return unicodedata.category(character)[0] in "LMN"


def sentence_separator(flores_code: str) -> str:
    """Return what a language, such as "zho_Hans", writes between two sentences: a space, or nothing."""
    return "" if flores_code.partition("_")[2] in _NO_SPACE_BETWEEN_SENTENCES else " "
