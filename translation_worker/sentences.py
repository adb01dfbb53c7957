"""Where sentences end, in any script, and how their translations are put together again. Pure.

Translation models are trained on single sentences: of several at once they tend to drop one (CTranslate2 issue 1582).
In doubt two sentences stay together: a name cut in half is worse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backend.text.scripts import sentence_separator

LONGEST = 250
"""Characters, some 40 English words; a longer sentence is divided: models have seen few such and lose their place."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the white space that stands behind it."""

    text: str
    gap: str


def split(text: str, language: str, longest: int = LONGEST) -> list[Sentence]:
    """The sentences of a text in `language` (FLORES code); joined with their gaps they are the text, to the character.

    None is longer than `longest` characters; white space before the first belongs to it.
    """
    sentences: list[Sentence] = []
    start = 0
    for end in [*_ends(text, language[:3]), len(text)]:
        while start < end:
            stop = end if end - start <= longest else _division(text, start, start + longest)
            body = text[start:stop].rstrip()
            behind = start + len(body)
            start = found.start() if (found := _VISIBLE.search(text, behind)) else len(text)
            sentences.append(Sentence(body, text[behind:start]))
    return sentences


def joint(gap: str, language: str) -> str:
    """What goes between two translated sentences: a line break stays, else a space where `language` writes one."""
    if "\n" in gap:
        return gap
    return sentence_separator(language)


def _ends(text: str, language: str) -> Iterator[int]:
    """The position behind each mark that ends a sentence."""
    for mark in _MARK.finditer(text):
        if mark["break"] or (_closes(text, mark) if mark["sure"] else _may_close(text, mark, language)):
            yield mark.end()


def _closes(text: str, mark: re.Match[str]) -> bool:
    """A mark that needs no space behind it, unless a quotation within the sentence ends here."""
    return not (mark["closers"] and text[mark.end() : mark.end() + 1].isalnum())


def _may_close(text: str, mark: re.Match[str], language: str) -> bool:
    """A mark that has other uses: in decimals, addresses, abbreviations, ordinals."""
    if mark["unsure"] == ";" and language != "ell":
        return False
    behind = text[mark.end() : mark.end() + 1]
    if not behind.isspace():
        return "\u3040" <= behind <= "\u9fff" and not mark["closers"]
    following = next((char for char in text[mark.end() : mark.end() + 99] if char.isalnum()), "")
    if following.islower():
        return False
    return mark["unsure"] != "." or not _abbreviates(text, mark.start(), following, language)


def _abbreviates(text: str, stop: int, following: str, language: str) -> bool:
    """Whether the full stop at `stop` belongs to the word before it."""
    found = _WORD.search(text, max(0, stop - 40), stop)
    word = found[0].lower() if found else ""
    if word.isdecimal():
        return len(word) <= 2 and language in _ORDINALS
    if len(word) == 1:
        return word != word.upper() and word != "i"
    if "." in word or word in _TITLES:
        return True
    return word in _NUMBERED and following.isdecimal()


def _division(text: str, start: int, limit: int) -> int:
    """Where to divide a sentence that is too long: behind its last comma or the like, else word, else anywhere."""
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
_ORDINALS = _words("azj bos ces dan deu est eus fao fin hrv hun isl lim ltz lvs nno nob pol slk slv srp szl tur")
"""Languages that write "3." for "third"."""
_TITLES = _words(
    "avv bzw capt col dhr dott dr evtl gen ggf gov hon ing jr lt mevr mlle mme mr mrs ms mt prof rev sen sgt sig sr "
    "sra srta st vs им тов ул"
)
"""Abbreviations behind which the sentence goes on."""
_NUMBERED = _words("apr art aug ca dec feb fig jan jul jun mar no nov nr num núm oct p pag pág pp sep sept vol рис стр")
"""Words that are abbreviations when a number follows."""
