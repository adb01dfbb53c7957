"""Splits text into sentences, in any script. Pure.

Translation models are trained on single sentences and tend to drop one of several (CTranslate2 issue 1582). In doubt,
two sentences are not separated: splitting a name is worse.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, repeat

from backend.messages.languages import LANGUAGES
from backend.text.abbreviations import abbreviates
from backend.text.line_breaks import split_anywhere, split_phrases
from backend.text.writing_systems import UNSPACED, sentence_separator

# English letters, about 40 words. Longer sentences are divided: models were trained on few of them and lose their
# place, and the time for a sentence grows with the square of its length.
MAX_SENTENCE = 250
# A longer word is not one. Models spell it, so each of its letters is worth a Chinese character.
LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the white space after it."""

    text: str
    gap: str


def split(text: str, language: str, max_length: int = MAX_SENTENCE) -> list[Sentence]:
    """Split a text in `language` (FLORES-200 code) into sentences of at most `max_length` letters.

    Joined with their gaps, they are exactly the text. White space at the start belongs to the first sentence.
    """
    code = language_code(language)
    lengths = [0, *accumulate(_letters(text))]
    sentences: list[Sentence] = []
    start = 0
    for end in [*_ends(text, code), len(text)]:
        while start < end:
            limit = bisect_right(lengths, lengths[start] + max_length) - 1
            stop = end if end <= limit else _division(text, start, max(limit, start + 1), code)
            body = text[start:stop].rstrip()
            behind = start + len(body)
            start = found.start() if (found := _VISIBLE.search(text, behind)) else len(text)
            sentences.append(Sentence(body, text[behind:start]))
    return sentences


def _letters(text: str) -> Iterator[int]:
    """Yield for each character how many English letters it is worth."""
    for run in _RUN.finditer(text):
        kind = run.lastgroup or ""
        value = 1 if kind == "word" and len(run[0]) <= LONGEST_WORD else _LETTERS_PER_CHARACTER.get(kind, 1)
        yield from repeat(value, len(run[0]))


def language_code(flores: str) -> str:
    """Return the code that libraries use for a language: "de" for "deu_Latn"."""
    return _CODES.get(flores, flores[:2])


def separator(gap: str, language: str) -> str:
    """Return what separates two translated sentences: a line break is kept, otherwise what `language` writes."""
    return gap if "\n" in gap else sentence_separator(language)


def _ends(text: str, language: str) -> Iterator[int]:
    """Yield the position after each mark that ends a sentence."""
    for mark in _MARK.finditer(text):
        if mark["break"] or (_closes(text, mark) if mark["sure"] else _may_close(text, mark, language)):
            yield mark.end()


def _closes(text: str, mark: re.Match[str]) -> bool:
    """Whether an unambiguous mark ends the sentence, and not a quotation inside it."""
    return not (mark["closers"] and text[mark.end() : mark.end() + 1].isalnum())


def _may_close(text: str, mark: re.Match[str], language: str) -> bool:
    """Whether a mark that also occurs in decimals, addresses, abbreviations and ordinals ends the sentence."""
    # The semicolon is the Greek question mark.
    if mark["unsure"] == ";" and language != "el":
        return False
    behind = text[mark.end() : mark.end() + 1]
    following = next((char for char in text[mark.end() : mark.end() + 99] if char.isalnum()), "")
    # Chinese and Japanese text may use an ASCII full stop without a space after it.
    touches = "\u3040" <= behind <= "\u9fff" and not mark["closers"]
    if not (behind.isspace() or touches) or following.islower():
        return False
    before, after = text[max(0, mark.start() - 40) : mark.start()], text[mark.end() : mark.end() + 99]
    return mark["unsure"] != "." or not abbreviates(before, after, language)


def _division(text: str, start: int, limit: int, language: str) -> int:
    """Where to divide a sentence that is too long: after its last clause, its last word, or its last character."""
    middle = (start + limit) // 2
    for pattern in (_CLAUSE, _SPACE):
        if places := [found.end() for found in pattern.finditer(text, middle, limit)]:
            return places[-1]
    if (place := limit - len(split_phrases(text[start:limit], language)[-1])) > middle:
        return place
    return start + len(split_anywhere(text[start:limit], limit - start)[0])


_CLOSERS = r"""["'”’»›)\]」』】）》〉]*"""
_MARK = re.compile(
    rf"(?:(?P<sure>[。！？｡।॥۔؟።፧။៕։‼⁇⁈⁉][.!?…。！？]*)|(?P<unsure>[.!?…;]+))(?P<closers>{_CLOSERS})|(?P<break>\n)"
)
_VISIBLE = re.compile(r"\S")
_CLAUSE = re.compile(r"[,;:،؛](?=\s)|[、，；：]")
_SPACE = re.compile(r"\s")
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_RUN = re.compile(
    r"(?P<han_or_kana>[\u3040-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    rf"|(?P<hangul>[{_HANGUL}]+)|(?P<word>[^\s{UNSPACED}{_HANGUL}]+)|(?:.|\s)"
)
_LETTERS_PER_CHARACTER = {"han_or_kana": 3, "hangul": 2, "word": 3}
_CODES = {language.flores: language.code for language in LANGUAGES if language.flores}
