"""Writes a text in another script of its language: Simplified or Traditional Chinese, Cyrillic or Latin Serbian. Pure.

Speech models write one language in several scripts, and may change between them from one decode to the next. Chinese is
converted with the phrase tables of OpenCC: one Simplified character stands for several Traditional ones.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

# OpenCC's configurations. Those for Taiwan and Hong Kong choose the characters of the region, and keep its words.
_OPENCC = {"Hans": "t2s", "Hant": "s2tw", "Hant-HK": "s2hk"}

_CYRILLIC = "абвгдђежзијклљмнњопрстћуфхцчџш"
_TO_LATIN: dict[str, str] = dict(
    zip(_CYRILLIC, re.findall("lj|nj|dž|.", "abvgdđežzijklljmnnjoprstćufhcčdžš"), strict=True)
)
_TO_CYRILLIC = {latin: cyrillic for cyrillic, latin in _TO_LATIN.items()}
_LATIN_LETTER = re.compile(r"lj|nj|dž|[abcčćdđefghijklmnoprsštuvzž]", re.IGNORECASE)
# Words in which two of these letters do not form one: prefix and stem, or a foreign stem (Pravopis srpskoga jezika).
_SEPARATE = re.compile(
    r"(?<=\bin)(?=jek)|(?<=\bkon)(?=ju(?:nk|g))|(?<=\bnad)(?=ž)|(?<=\bod)(?=ž)|(?<=\bpod)(?=ž)|(?<=\btan)(?=jug\b)",
    re.IGNORECASE,
)
# Words with these letters are foreign names and stay as they are.
_FOREIGN = re.compile(r"[qwxy]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def to_script(text: str, script: str) -> str:
    """Return the text in a script, as `backend.messages.languages.script` names it; unchanged if that is ""."""
    return _converter(script)(text) if script and text and not (script in _OPENCC and text.isascii()) else text


def words_to_script(words: Sequence[str], script: str) -> list[str]:
    """Convert the words of one text, which are converted together: the script of a word depends on its neighbours."""
    whole = "".join(words)
    converted = to_script(whole, script)
    if len(converted) != len(whole):
        return [to_script(word, script) for word in words]
    ends = [0, *accumulate(map(len, words))]
    return [converted[begin:end] for begin, end in pairwise(ends)]


def continue_in_script(prefix: str, text: str, script: str) -> str:
    """Convert a text that begins with `prefix`, which is already shown and stays as it is."""
    if not text.startswith(prefix):
        return to_script(text, script)
    converted = to_script(text, script)
    same = len(converted) == len(text)
    return prefix + (converted[len(prefix) :] if same else to_script(text[len(prefix) :], script))


def fold_script(text: str) -> str:
    """Make texts comparable that differ in their Chinese script only."""
    return to_script(text, "Hans")


@lru_cache
def _converter(script: str) -> Callable[[str], str]:
    match script:
        case "Cyrl":
            return lambda text: _WORD.sub(lambda word: _cyrillic(word[0]), text)
        case "Latn":
            return lambda text: "".join(_latin(text, i) for i in range(len(text)))
    # Imported here: the Python client uses other modules of this package and does not install OpenCC.
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC(_OPENCC[script]).convert
    return convert


def _latin(text: str, i: int) -> str:
    """The Latin spelling of a character: "Љ" is "LJ" in a word of capitals, otherwise "Lj"."""
    letter = text[i]
    latin = _TO_LATIN.get(letter.lower(), letter)
    if latin is letter or letter.islower():
        return latin
    neighbours = text[i + 1 : i + 2] if text[i + 1 : i + 2].isalpha() else text[max(0, i - 1) : i]
    return latin.upper() if neighbours.isupper() else latin.capitalize()


def _cyrillic(word: str) -> str:
    if _FOREIGN.search(word):
        return word
    parts = _SEPARATE.split(word)
    return "".join(_LATIN_LETTER.sub(lambda letter: _cyrillic_letter(letter[0]), part) for part in parts)


def _cyrillic_letter(latin: str) -> str:
    cyrillic = _TO_CYRILLIC[latin.lower()]
    return cyrillic.upper() if latin[0].isupper() else cyrillic
