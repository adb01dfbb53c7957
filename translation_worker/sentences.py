"""Splits text into sentences, in any script. Pure.

Translation models are trained on single sentences and tend to drop one of several (CTranslate2 issue 1582). In doubt,
two sentences are not separated: splitting a name is worse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backend.text.writing_systems import sentence_separator

# Characters, about 40 English words. Longer sentences are divided: models were trained on few of them and lose their
# place.
MAX_SENTENCE = 250


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the white space after it."""

    text: str
    gap: str


def split(text: str, language: str, max_length: int = MAX_SENTENCE) -> list[Sentence]:
    """Split a text in `language` (FLORES-200 code) into sentences of at most `max_length` characters.

    Joined with their gaps, they are exactly the text. White space at the start belongs to the first sentence.
    """
    sentences: list[Sentence] = []
    start = 0
    for end in [*_ends(text, language[:3]), len(text)]:
        while start < end:
            stop = end if end - start <= max_length else _division(text, start, start + max_length)
            body = text[start:stop].rstrip()
            behind = start + len(body)
            start = found.start() if (found := _VISIBLE.search(text, behind)) else len(text)
            sentences.append(Sentence(body, text[behind:start]))
    return sentences


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
    if mark["unsure"] == ";" and language != "ell":
        return False
    behind = text[mark.end() : mark.end() + 1]
    if not behind.isspace():
        # Chinese and Japanese text may use an ASCII full stop without a space after it.
        return "\u3040" <= behind <= "\u9fff" and not mark["closers"]
    following = next((char for char in text[mark.end() : mark.end() + 99] if char.isalnum()), "")
    if following.islower():
        return False
    return mark["unsure"] != "." or not _abbreviates(text, mark.start(), following, language)


def _abbreviates(text: str, stop: int, following: str, language: str) -> bool:
    """Whether the full stop at `stop` belongs to the word before it, as in "Dr." or "3."."""
    found = _WORD.search(text, max(0, stop - 40), stop)
    word = found[0].lower() if found else ""
    if word.isdecimal():
        return len(word) <= 2 and language in _ORDINALS
    # A single letter is an initial, unless its script has no upper case, or it is the English "I".
    if len(word) == 1:
        return word != word.upper() and word != "i"
    if "." in word or word in _TITLES:
        return True
    return word in _NUMBERED and following.isdecimal()


def _division(text: str, start: int, limit: int) -> int:
    """Where to divide a sentence that is too long: after its last clause, after its last word, or at the limit."""
    middle = (start + limit) // 2
    for pattern in (_CLAUSE, _SPACE):
        if places := [found.end() for found in pattern.finditer(text, middle, limit)]:
            return places[-1]
    return limit


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLOSERS = r"""["'”’»›)\]」』】）》〉]*"""
_MARK = re.compile(
    rf"(?:(?P<sure>[。！？｡।॥۔؟።፧။៕։‼⁇⁈⁉][.!?…。！？]*)|(?P<unsure>[.!?…;]+))(?P<closers>{_CLOSERS})|(?P<break>\n)"
)
_WORD = re.compile(r"[^\W_](?:[\w.]*\w)?$")
_VISIBLE = re.compile(r"\S")
_CLAUSE = re.compile(r"[,;:،؛](?=\s)|[、，；：]")
_SPACE = re.compile(r"\s")
# Languages that write "3." for "third".
_ORDINALS = _words("azj bos ces dan deu est eus fao fin hrv hun isl lim ltz lvs nno nob pol slk slv srp szl tur")
# Abbreviations after which the sentence continues.
_TITLES = _words(
    "avv bzw capt col dhr dott dr evtl gen ggf gov hon ing jr lt mevr mlle mme mr mrs ms mt prof rev sen sgt sig sr "
    "sra srta st vs им тов ул"
)
# Words that are abbreviations if a number follows.
_NUMBERED = _words("apr art aug ca dec feb fig jan jul jun mar no nov nr num núm oct p pag pág pp sep sept vol рис стр")
