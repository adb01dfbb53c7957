"""Subtitles: split timed words into cues that viewers have time to read. Pure.

A cue has at most two lines of 42 columns and lasts at most seven seconds, as broadcasters require (Netflix Timed Text
Style Guide; EBU Tech 3360). It preferably ends with a sentence or a clause.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from backend.messages.protocol import Final
from backend.text.writing_systems import UNSPACED, UNSPACED_CHARACTER

# Columns. Chinese, Japanese and Korean characters take two.
LINE_COLUMNS = 42
MAX_LINES = 2
MAX_CUE_MS = 7_000
# Shorter cues are extended to this if the next one begins later.
MIN_CUE_MS = 1_000
# Shorter pauses occur between any two words, so no cue ends there.
_MIN_PAUSE_MS = 150

_WIDE_STOPS = r"\u3000-\u303F\uFF00-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65"
# A word with the space before it; in scripts without spaces, a character with the punctuation after it.
_UNIT = re.compile(rf"\s*(?:{UNSPACED_CHARACTER}[{_WIDE_STOPS}]*|[^\s{UNSPACED}]+)")
_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।][\"'”’»」』）)]*$")
_CLAUSE_END = re.compile(r"[,;:—–、，；：،؛][\"'”’»」』）)]*$")


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with the space before it, and the time at which it is spoken."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines that are shown together."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def timed_words(final: Final) -> list[TimedWord]:
    """The words of a final, with their own times or, if it has none, spread evenly over the utterance."""
    words = final.words or ()
    if "".join(word.word for word in words).strip() == final.text.strip():
        return [TimedWord(word.word, word.start_ms, word.end_ms) for word in words]
    return spread_words(final.text, final.start_ms, final.end_ms)


def spread_words(text: str, start_ms: int, end_ms: int) -> list[TimedWord]:
    """Split a text into words, each with a time in proportion to its length."""
    units = _UNIT.findall(text)
    total = sum(map(len, units))
    timed, done = [], 0
    for unit in units:
        begin = start_ms + (end_ms - start_ms) * done // total
        done += len(unit)
        timed.append(TimedWord(unit, begin, start_ms + (end_ms - start_ms) * done // total))
    return timed


def split_into_cues(utterances: Iterable[Sequence[TimedWord]]) -> list[Cue]:
    """Split utterances, in order of time, into cues.

    Every word is in exactly one cue, in order. Cues do not overlap, even if the times of the words do. Only a cue of a
    single word may exceed the limits.
    """
    rough = [_cue(part) for words in utterances for part in _parts(words)]
    return _without_overlap(rough)


def to_srt(shown: Iterable[Cue]) -> str:
    """Render as SubRip."""
    blocks = (
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{_text(cue)}\n"
        for number, cue in enumerate(shown, 1)
    )
    return "\n".join(blocks)


def to_vtt(shown: Iterable[Cue]) -> str:
    """Render as WebVTT (W3C)."""
    blocks = (f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{_escaped(_text(cue))}\n" for cue in shown)
    return "\n".join(["WEBVTT\n", *blocks])


def _parts(words: Sequence[TimedWord]) -> Iterator[Sequence[TimedWord]]:
    """Split an utterance into the words of each cue."""
    rest = [_normalize_spaces(word) for word in words if word.text.strip()]
    while rest:
        count = _break(rest, _fitting(rest))
        yield rest[:count]
        rest = rest[count:]


def _normalize_spaces(word: TimedWord) -> TimedWord:
    """Replace all white space by single spaces."""
    space = " " if word.text[0].isspace() else ""
    return replace(word, text=space + " ".join(word.text.split()))


def _fitting(words: Sequence[TimedWord]) -> int:
    """The number of words that fit into one cue, at least 1."""
    count = 1
    while count < len(words) and words[count].end_ms - words[0].start_ms <= MAX_CUE_MS:
        if len(_wrapped(words[: count + 1], LINE_COLUMNS)) > MAX_LINES:
            break
        count += 1
    return count


def _break(words: Sequence[TimedWord], fitting: int) -> int:
    """The number of words before the break: after a sentence, a clause or a pause, or so that cues are equally long."""
    if fitting == len(words):
        return fitting
    second_half = range(fitting, (fitting + 1) // 2 - 1, -1)
    for end in (_SENTENCE_END, _CLAUSE_END):
        for count in second_half:
            if end.search(words[count - 1].text):
                return count
    cues_needed = ceil(_width(words) / _width(words[:fitting]))

    def score(count: int) -> tuple[int, float]:
        pause_ms = words[count].start_ms - words[count - 1].end_ms
        return max(pause_ms - _MIN_PAUSE_MS, 0), -abs(_width(words[:count]) - _width(words) / cues_needed)

    return max(second_half, key=score)


def _width(words: Sequence[TimedWord]) -> int:
    return sum(_columns(word.text) for word in words)


def _cue(words: Sequence[TimedWord]) -> Cue:
    """Make a cue with lines of similar width."""
    best = next((lines for width in range(1, LINE_COLUMNS) if len(lines := _wrapped(words, width)) <= MAX_LINES), None)
    if len(one_line := _wrapped(words, LINE_COLUMNS)) == 1 or best is None:
        best = one_line
    return Cue(words[0].start_ms, words[-1].end_ms, tuple(best))


def _wrapped(words: Sequence[TimedWord], width: int) -> list[str]:
    """Wrap words to a width. A wider word gets a line of its own."""
    lines: list[str] = []
    for word in words:
        if lines and _columns(lines[-1] + word.text) <= width:
            lines[-1] += word.text
        else:
            lines.append(word.text.strip())
    return lines


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _without_overlap(rough: Sequence[Cue]) -> list[Cue]:
    """Remove overlaps, shorten cues to the maximum, and extend short ones if there is room."""
    shown: list[Cue] = []
    for cue in rough:
        start = max(cue.start_ms, shown[-1].end_ms if shown else 0)
        shown.append(replace(cue, start_ms=start, end_ms=max(start + 1, min(cue.end_ms, start + MAX_CUE_MS))))
    for at, cue in enumerate(shown):
        room = shown[at + 1].start_ms if at + 1 < len(shown) else cue.start_ms + MIN_CUE_MS
        shown[at] = replace(cue, end_ms=max(cue.end_ms, min(cue.start_ms + MIN_CUE_MS, room)))
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
