"""Finds filler words: sounds of hesitation that have no meaning.

The table is conservative. Words that also mean something stay in the text: "like", "este" in Spanish, "ben" in French,
"um" in German. So do sounds that are answers: "mm-hmm", "uh-huh", "hm", and in some languages an utterance
that is only a filler: "嗯。" is "yes".
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from stt_worker.formatting.pieces import Edit

# Regular expressions by Whisper's code of the language.
_FILLERS = {
    "da": "øh+m*",
    "de": "äh+m*|öh+m*|ehm+|ähem",
    "en": "uh+|uh+m+|um+|er|erm+|ehm+",
    "es": "eh+|ehm+|em+",
    "fr": "euh+m*|heu+",
    "it": "ehm+|uhm+",
    "ja": "えーっと|えーと|ええと|えっと|あのー+",
    "ko": "으?음+",
    "nl": "eh+m*|uh+m*|euh+m*",
    "no": "øh+m*|ehm+",
    "pl": "yy+|ee+|ehm+",
    "pt": "ahn+|ehm+|hum+",
    "ru": "э+м*|эм+",
    "sv": "öh+m*|ehm*",
    "tr": "ıı+|ee+",
    "yue": "嗯|呃",
    "zh": "嗯|呃",
}
_UNSPACED = frozenset({"ja", "yue", "zh"})
# In these languages, a filler alone may be an answer.
_ANSWERS = frozenset({"es", "ko", "nl", "pt", "sv", "yue", "zh"})
# Whether it is a filler depends on the text after it.
_UNDECIDED = {
    "ko": r"(?<!\w)(?:으?음+\W+)*으?음+$",
    "yue": r"(?:[嗯呃][\s,，、…]*)+$",
    "zh": r"(?:[嗯呃][\s,，、…]*)+$",
}
_COMMA, _ENDS, _OPENERS = ",、，–—", ".!?。！？…", '"“„«¡(-–—'
_SPACED_WORD = r"(?<![\w'’*-])(?:{})(?![\w'’*-])"
# The letters of a filler are also parts of words. Only at a boundary are they a filler.
_BOUNDARY = rf"(?<![^\s{_COMMA}{_ENDS}])"
# Where a filler is one only before certain text. In Chinese: other words of the sentence, as 嗯嗯 is an answer, and
# 呃逆 a word. In Korean: a comma, as 음 is also a sound or a note.
_PAUSE = rf"(?:[{_COMMA}…]|\.\.\.)"
_AFTER = {
    "ko": rf"(?=\s*{_PAUSE})",
    "yue": rf"(?=[\s{_COMMA}…]+(?![嗯呃])\w)",
    "zh": rf"(?=[\s{_COMMA}…]+(?![嗯呃])\w|[我你他她它这這那就然所但因如])",
}


def filler_edits(text: str, language: str) -> list[Edit]:
    """Remove the filler words and their punctuation. A sentence begins with a capital as before."""
    chain = _chain(language)
    if chain is None or (language in _ANSWERS and not _has_others(text, language)):
        return []
    return list(_edits(text, chain))


def settled_length(text: str, language: str) -> int:
    """Length of the beginning of a text whose fillers are the same, whatever text follows."""
    if language in _ANSWERS and not _has_others(text, language):
        return 0
    if undecided := re.search(_UNDECIDED.get(language, r"(?!)"), text):
        return settled_length(text[: undecided.start()], language)
    fillers = _FILLERS["ja"] if language == "ja" else ""
    return len(text) - pending_length(text, tuple(re.findall(r"[^|+]+", fillers)))


def pending_length(text: str, words: tuple[str, ...]) -> int:
    """Length of the end of a text that may be the beginning of one of these words."""
    longest = max((len(word) for word in words), default=0)
    lengths = range(min(longest - 1, len(text)), 0, -1)
    return next((n for n in lengths if any(word.startswith(text[-n:]) and len(word) > n for word in words)), 0)


def _has_others(text: str, language: str) -> bool:
    """Whether a text has words other than fillers."""
    word = ("(?:{})" if language in _UNSPACED else _SPACED_WORD).format(_FILLERS[language])
    return bool(re.search(r"\w", re.sub(word, "", text, flags=re.IGNORECASE)))


@lru_cache
def _chain(language: str) -> re.Pattern[str] | None:
    """Matches one filler, or several in a row."""
    if language not in _FILLERS:
        return None
    unspaced = language in _UNSPACED
    word = (f"{_BOUNDARY}(?:{{}})" if unspaced else _SPACED_WORD).format(_FILLERS[language])
    between = rf"(?:[\s{_COMMA}…]|\.\.\.)"
    return re.compile(f"{word}(?:{between}{'*' if unspaced else '+'}{word})*{_AFTER.get(language, '')}", re.IGNORECASE)


def _edits(text: str, chain: re.Pattern[str]) -> Iterator[Edit]:
    begin = 0  # of the text that earlier edits have left
    for match in chain.finditer(text):
        if _is_meant(text, match):
            continue
        before = text[begin : match.start()].rstrip()
        opens = _is_opening(before or text[:begin].rstrip())
        edits = _opening_edits(text, match, chain) if opens else [_inner_edit(text, match)]
        yield from edits
        begin = edits[0].end


def _is_opening(before: str) -> bool:
    """Whether a sentence begins after this text."""
    return not before or before[-1] in _ENDS + _OPENERS


def _is_meant(text: str, match: re.Match[str]) -> bool:
    """Whether it is a question, or an abbreviation such as "ER" in a text that is not all in capitals."""
    asks = text[match.end() :].lstrip()[:1] in ("?", "？") or text[: match.start()].endswith("¿")
    return asks or (len(match[0]) > 1 and match[0].isupper() and not text.isupper())


def _opening_edits(text: str, match: re.Match[str], chain: re.Pattern[str]) -> list[Edit]:
    """Remove a filler that begins a sentence, or is one, and begin with the next word."""
    start, end = len(text[: match.start()].rstrip()), _end_of_punctuation(text, match.end())
    following = end + len(text[end:]) - len(text[end:].lstrip())
    # One of the two spaces around it stays.
    removed = Edit(start, end if start < match.start() else following, "")
    letter = text[following : following + 1]
    if not (match[0][0].isupper() and letter.islower()) or chain.match(text, following):
        return [removed]
    return [removed, Edit(following, following + 1, letter.upper())]


def _end_of_punctuation(text: str, at: int) -> int:
    found = re.compile(rf"[{_COMMA}{_ENDS}]*").match(text, at)
    return found.end() if found else at


def _inner_edit(text: str, match: re.Match[str]) -> Edit:
    """Remove a filler inside a sentence, and the comma before it. One after it stays."""
    before = text[: match.start()].rstrip()
    return Edit(len(before.rstrip(_COMMA).rstrip()), match.end(), "")
