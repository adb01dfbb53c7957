"""Subtitles: timed words in, cues that a viewer can read out. Pure.

A cue has at most two lines of 42 columns and lasts at most seven seconds, which is what broadcasters ask for (Netflix
Timed Text Style Guide; EBU Tech 3360). It breaks where a sentence or a clause ends if there is such a place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from backend.messages.protocol import Final
from backend.text.scripts import UNSPACED, UNSPACED_CHARACTER

LINE = 42
"""Columns; Chinese, Japanese and Korean characters take two."""
LINES = 2
LONGEST_MS = 7_000
SHORTEST_MS = 1_000
"""A cue stays this long where the next one leaves it room."""
_BREATH_MS = 150
"""A pause that is shorter stands between any two words."""

_WIDE_STOPS = r"\u3000-\u303F\uFF00-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65"
# A word with the space before it; in scripts without spaces, a character with the punctuation after it.
_UNIT = re.compile(rf"\s*(?:{UNSPACED_CHARACTER}[{_WIDE_STOPS}]*|[^\s{UNSPACED}]+)")
_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।][\"'”’»」』）)]*$")
_CLAUSE_END = re.compile(r"[,;:—–、，；：،؛][\"'”’»」』）)]*$")


@dataclass(frozen=True, slots=True)
class Timed:
    """A word with the space that stands before it, and when it is spoken."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen at once."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def words_of(final: Final) -> list[Timed]:
    """An utterance's words by their own times, or spread over the utterance where there are none."""
    words = final.words or ()
    if "".join(word.word for word in words).strip() == final.text.strip():
        return [Timed(word.word, word.start_ms, word.end_ms) for word in words]
    return spread(final.text, final.start_ms, final.end_ms)


def spread(text: str, start_ms: int, end_ms: int) -> list[Timed]:
    """A text's words, each with a share of the time that is in proportion to its length."""
    units = _UNIT.findall(text)
    total = sum(map(len, units))
    timed, done = [], 0
    for unit in units:
        begin = start_ms + (end_ms - start_ms) * done // total
        done += len(unit)
        timed.append(Timed(unit, begin, start_ms + (end_ms - start_ms) * done // total))
    return timed


def cues(utterances: Iterable[Sequence[Timed]]) -> list[Cue]:
    """Cues for utterances in order of time.

    Every word stands in exactly one cue, in order; cues follow each other without overlap, whatever the words' times
    claim. Only a single word that is wider than a line, or longer than the limit, breaks a limit on its own.
    """
    rough = [_cue(part) for words in utterances for part in _parts(words)]
    return _in_time(rough)


def to_srt(shown: Iterable[Cue]) -> str:
    """SubRip."""
    blocks = (
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{_text(cue)}\n"
        for number, cue in enumerate(shown, 1)
    )
    return "\n".join(blocks)


def to_vtt(shown: Iterable[Cue]) -> str:
    """WebVTT (W3C)."""
    blocks = (f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{_escaped(_text(cue))}\n" for cue in shown)
    return "\n".join(["WEBVTT\n", *blocks])


def _parts(words: Sequence[Timed]) -> Iterator[Sequence[Timed]]:
    """Cut an utterance into what fits on the screen."""
    rest = [_tidy(word) for word in words if word.text.strip()]
    while rest:
        count = _break(rest, _most(rest))
        yield rest[:count]
        rest = rest[count:]


def _tidy(word: Timed) -> Timed:
    """One line of text, with one space before it or none."""
    space = " " if word.text[0].isspace() else ""
    return replace(word, text=space + " ".join(word.text.split()))


def _most(words: Sequence[Timed]) -> int:
    """How many words fit into one cue; at least one."""
    count = 1
    while count < len(words) and words[count].end_ms - words[0].start_ms <= LONGEST_MS:
        if len(_wrapped(words[: count + 1], LINE)) > LINES:
            break
        count += 1
    return count


def _break(words: Sequence[Timed], most: int) -> int:
    """Where to end the cue: with a sentence, with a clause, at a pause, or so that the cues are equally full."""
    if most == len(words):
        return most
    second_half = range(most, (most + 1) // 2 - 1, -1)
    for end in (_SENTENCE_END, _CLAUSE_END):
        for count in second_half:
            if end.search(words[count - 1].text):
                return count
    cues_needed = ceil(_width(words) / _width(words[:most]))

    def merit(count: int) -> tuple[int, float]:
        pause_ms = words[count].start_ms - words[count - 1].end_ms
        return max(pause_ms - _BREATH_MS, 0), -abs(_width(words[:count]) - _width(words) / cues_needed)

    return max(second_half, key=merit)


def _width(words: Sequence[Timed]) -> int:
    return sum(_columns(word.text) for word in words)


def _cue(words: Sequence[Timed]) -> Cue:
    """A cue whose lines are as equal as can be."""
    best = next((lines for width in range(1, LINE) if len(lines := _wrapped(words, width)) <= LINES), None)
    if len(one_line := _wrapped(words, LINE)) == 1 or best is None:
        best = one_line
    return Cue(words[0].start_ms, words[-1].end_ms, tuple(best))


def _wrapped(words: Sequence[Timed], width: int) -> list[str]:
    """Fill lines of a width; a word that is wider stands alone."""
    lines: list[str] = []
    for word in words:
        if lines and _columns(lines[-1] + word.text) <= width:
            lines[-1] += word.text
        else:
            lines.append(word.text.strip())
    return lines


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _in_time(rough: Sequence[Cue]) -> list[Cue]:
    """Put cues one after the other, none longer than the limit and short ones longer where there is room."""
    shown: list[Cue] = []
    for cue in rough:
        start = max(cue.start_ms, shown[-1].end_ms if shown else 0)
        shown.append(replace(cue, start_ms=start, end_ms=max(start + 1, min(cue.end_ms, start + LONGEST_MS))))
    for at, cue in enumerate(shown):
        room = shown[at + 1].start_ms if at + 1 < len(shown) else cue.start_ms + SHORTEST_MS
        shown[at] = replace(cue, end_ms=max(cue.end_ms, min(cue.start_ms + SHORTEST_MS, room)))
    return shown


def _clock(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
