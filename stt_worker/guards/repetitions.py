"""Tells repetitions of the speaker from loops of the decoder. Pure.

Both give the same text, and both are probable, because repetition is easy to predict. They differ in the alignment:
what a speaker repeats takes time, while the words of a loop share the last frames of the audio.
"""

import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.text.normalize import letters
from stt_worker.guards.voice import Voice
from stt_worker.recognizers.recognizer import RecognizedWord

# Bytes of text per byte after zlib. Above this the text repeats itself (the limit of Whisper's own transcriber).
MAX_COMPRESSION = 2.4
# A round counts as spoken if it has this much voiced audio, and half of the time that the fastest speakers need: the
# aligner places single rounds inexactly.
MIN_ROUND_S, MIN_S_PER_LETTER = 0.1, 0.5 / 28
# The rounds of a speaker take at least this share of the usual time of a round.
FASTEST_ROUND = 0.8
# A final with fewer rounds is decoded again.
CERTAIN_ROUNDS = 3
# This many words in a row without a voice, in repetitive text, are a loop.
MAX_UNVOICED_WORDS = 4
# Shares of the rounds, or of the letters of a text without a loop, that are spoken if the speaker repeats them.
MIN_SPOKEN_ROUNDS, MIN_SPOKEN_LETTERS = 0.5, 0.7


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase that a text repeats to its end, in words."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Repetition:
    """How many of the `words` of a text to keep, and whether the audio contains the repetitions.

    `is_certain`: a second decode is not needed. Two rounds of a phrase may also be a phrase and a noise.
    """

    keep: int
    words: int
    is_spoken: bool
    is_certain: bool


def is_repetitive(text: str, words: Sequence[str]) -> bool:
    """Whether the text may be a loop of the decoder."""
    return find_loop(words) is not None or compression(text) > MAX_COMPRESSION


def judge_repetition(words: Sequence[RecognizedWord], voice: Voice, prefix: str = "") -> Repetition:
    """Compare a repetitive text with its audio: keep as many rounds of a loop as are spoken, at least the first one.

    `words`: all words of the text, aligned before punctuation is joined. Words of the prefix are kept.
    """
    loop = find_loop([word.text for word in words])
    if not loop:
        is_spoken = _is_spoken_throughout(words, voice)
        keep = len(words) if is_spoken else max(_words_before_loop(words, voice), _prefix_words(words, prefix))
        return Repetition(keep, len(words), is_spoken, is_spoken)
    rounds = [words[i : i + loop.length] for i in range(loop.start, len(words), loop.length)]
    spoken = [_is_spoken(one, voice) for one in rounds]
    is_spoken = sum(spoken) >= max(2, MIN_SPOKEN_ROUNDS * len(rounds))
    count = _rounds_at_their_pace(rounds, voice) if is_spoken else max(1, [*spoken, False].index(False))
    keep = loop.start + loop.length * count
    if not is_spoken:
        keep = min(keep, _words_before_silence(words, voice))
    keep = min(len(words), max(keep, _prefix_words(words, prefix)))
    return Repetition(keep, len(words), is_spoken, is_spoken and count >= CERTAIN_ROUNDS)


def find_loop(words: Sequence[str]) -> Loop | None:
    """Find the end that a text repeats: a phrase of three words or more said twice, or a shorter one said five times.

    If there are several, the one whose second round begins first counts.
    """
    spelled = [letters(word) for word in words]
    found: Loop | None = None
    for length in range(1, len(spelled) // 2 + 1):
        repeated = 0
        while repeated < len(spelled) - length and spelled[-1 - repeated] == spelled[-1 - repeated - length]:
            repeated += 1
        # "no no no" is emphasis; only a phrase with some text in it counts after two rounds.
        is_phrase = length >= 3 and len("".join(spelled[-length:])) >= 8
        loop = Loop(len(spelled) - repeated - length, length)
        is_first = not found or loop.start + length < found.start + found.length
        if is_first and repeated / length + 1 >= (2 if is_phrase else 5):
            found = loop
    return found


def compression(text: str) -> float:
    """Return how many times zlib shrinks the text's bytes."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def display_width(text: str) -> int:
    """Count letters and digits: wide characters (Han, kana, Hangul) count twice, marks on letters do not count."""
    return sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in text if unicodedata.category(c)[0] in "LN")


def _is_spoken(words: Sequence[RecognizedWord], voice: Voice) -> bool:
    """Whether there is enough voiced audio for these words. Punctuation is never spoken."""
    width = sum(display_width(word.text) for word in words)
    needed = max(MIN_ROUND_S, MIN_S_PER_LETTER * width)
    return width > 0 and voice.seconds(words[0].start, words[-1].end) >= needed - 1e-6


def _rounds_at_their_pace(rounds: Sequence[Sequence[RecognizedWord]], voice: Voice) -> int:
    """How many rounds fit into the voiced audio of all. Which of them are short says little."""
    voiced = [voice.seconds(one[0].start, one[-1].end) for one in rounds]
    usual = np.median([seconds for seconds, one in zip(voiced, rounds, strict=True) if _is_spoken(one, voice)])
    return int(sum(voiced) / (FASTEST_ROUND * usual) + 1e-6)


def _is_spoken_throughout(words: Sequence[RecognizedWord], voice: Voice) -> bool:
    widths = [display_width(word.text) for word in words]
    spoken = [
        width
        for width, word in zip(widths, words, strict=True)
        # No speaker says a word that repeats itself, such as "dcdcdcdcdcdc".
        if voice.seconds(word.start, word.end) >= MIN_S_PER_LETTER * width and compression(word.text) <= MAX_COMPRESSION
    ]
    return sum(spoken) >= MIN_SPOKEN_LETTERS * max(1, sum(widths))


def _words_before_silence(words: Sequence[RecognizedWord], voice: Voice) -> int:
    """How many words precede the first unvoiced ones in a row, at least one. Loops with variations end like this."""
    run: list[int] = []
    for i, word in enumerate(words):
        width = display_width(word.text)
        if width and voice.seconds(word.start, word.end) >= MIN_S_PER_LETTER * width:
            run.clear()
        elif width:
            run.append(i)
        if len(run) == MAX_UNVOICED_WORDS:
            return max(1, run[0])
    return len(words)


def _words_before_loop(words: Sequence[RecognizedWord], voice: Voice) -> int:
    """How many words precede the silence in which the decoder continued, without the rounds of a loop before it."""
    keep = _words_before_silence(words, voice)
    loop = find_loop([word.text for word in words[:keep]])
    return loop.start + loop.length if loop and keep < len(words) else keep


def _prefix_words(words: Sequence[RecognizedWord], prefix: str) -> int:
    """How many words begin within the prefix."""
    wanted, kept, spelled = len(letters(prefix)), 0, 0
    while kept < len(words) and spelled < wanted:
        spelled += len(letters(words[kept].text))
        kept += 1
    return kept
