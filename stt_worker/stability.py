"""What of a growing utterance is promised to the reader, and what is still a guess.

LocalAgreement-2 (Macháček et al. 2023, arXiv 2307.14743): words on which two successive decodes agree are committed.
Agreement alone is not enough, so a word must be probable as well, must have been over for a moment when the audio
ends, and must have words behind it. Each decode is forced to begin with what was committed before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from backend.messages.jobs import HypothesisWord
from stt_worker.guards import letters
from stt_worker.recognizer import Hypothesis, TimedWord

SWITCH_PROBABILITY = 0.8
SWITCH_SECONDS = 2.0
"""A conversation's language gives way only to one at least this probable, in audio at least this long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure is sure enough: chosen by replaying real speech, to promise what a final seldom contradicts."""

    edge_seconds: float = 0.5
    """Words that end this close to the end of the audio may be cut off."""
    least_probability: float = 0.6
    """In each of the two decodes."""
    settled_seconds: float = 2.0
    settled_probability: float = 0.4
    """Enough for words that ended so long before the end of the audio, since more audio seldom changes them."""
    held_back: int = 2
    """Words at the end of a hypothesis that are never committed."""


@dataclass(frozen=True, slots=True)
class Stable:
    """What to show, and what to remember until the next decode."""

    committed: str
    """Begins with what was committed before, and ends with a letter or digit."""
    tentative: str
    """With the space or punctuation before it: `committed + tentative` is the text."""
    hypothesis: tuple[HypothesisWord, ...]
    """The words that are not committed, with their own probabilities."""


def agree(
    committed: str, before: Sequence[HypothesisWord], heard: Hypothesis, seconds: float, policy: Policy | None = None
) -> Stable:
    """Commit what this decode of `seconds` of audio confirms of the decode `before` it.

    `heard` must carry words. Where it does not begin with `committed`, as an engine that cannot be forced may answer,
    as many letters count as the committed ones.
    """
    policy = policy or Policy()
    fresh = _behind(committed, heard.words)
    sure = 0
    for old, new in zip(before, fresh[: max(0, len(fresh) - policy.held_back)], strict=False):
        if not _confirms(old, new, seconds, policy):
            break
        sure += 1
    promised = _up_to_last_letter(_joined(committed, fresh[:sure])) if sure else committed
    calm = fresh[:sure] + _calmed(before[sure:], fresh[sure:])
    whole = _joined(committed, calm).rstrip()
    hypothesis = tuple(HypothesisWord(text=word.text, probability=word.probability) for word in calm[sure:])
    return Stable(promised, whole[len(promised) :], hypothesis)


def contradicted(committed: str, final: str) -> int:
    """How many of the committed words the final did not bear out: word edits between them and the final's beginning."""
    promised, said = _units(committed), _units(final)
    edits = list(range(len(said) + 1))
    for count, word in enumerate(promised, 1):
        diagonal, edits[0] = edits[0], count
        for i, other in enumerate(said, 1):
            diagonal, edits[i] = edits[i], min(diagonal + (word != other), edits[i] + 1, edits[i - 1] + 1)
    return min(edits)


def count_words(text: str) -> int:
    """Words; in scripts that write no spaces, characters."""
    return len(_units(text))


def spoken_language(heard: str | None, probabilities: Mapping[str, float], seconds: float) -> tuple[str, float]:
    """The language to decode in, and its probability: what was `heard` before, until another is all but certain.

    `probabilities` by language code, of this piece of audio; not empty.
    """
    likeliest = max(probabilities, key=lambda language: probabilities[language])
    is_strong = probabilities[likeliest] >= SWITCH_PROBABILITY and seconds >= SWITCH_SECONDS
    language = likeliest if heard is None or is_strong else heard
    return language, probabilities.get(language, 0.0)


def _confirms(old: HypothesisWord, new: TimedWord, seconds: float, policy: Policy) -> bool:
    if not _same(old, new):
        return False
    age = seconds - new.end
    least = policy.settled_probability if age >= policy.settled_seconds else policy.least_probability
    return age >= policy.edge_seconds and min(old.probability, new.probability) >= least


def _calmed(before: Sequence[HypothesisWord], fresh: Sequence[TimedWord]) -> list[TimedWord]:
    """The words, but where a single one reads differently than before, the more probable reading of the two."""
    calm = list(fresh)
    for i in range(min(len(before), len(fresh)) - 1):
        old, new = before[i], fresh[i]
        differs_alone = letters(old.text) != letters(new.text) and _same(before[i + 1], fresh[i + 1])
        if differs_alone and old.probability > new.probability:
            calm[i] = replace(new, text=old.text, probability=old.probability)
    return calm


def _same(old: HypothesisWord, new: TimedWord) -> bool:
    return letters(old.text) == letters(new.text) != ""


def _behind(committed: str, words: Sequence[TimedWord]) -> list[TimedWord]:
    """The words after the committed letters. Punctuation that stands between goes to the word behind it."""
    skip = sum(map(_is_letter, committed))
    fresh: list[TimedWord] = []
    between = ""
    for word in words:
        rest, skip = _after_letters(between + word.text, skip)
        between = "" if letters(rest) else rest
        if letters(rest):
            fresh.append(replace(word, text=rest))
    return [*fresh, replace(words[-1], text=between, probability=0.0)] if between else fresh


def _after_letters(text: str, skip: int) -> tuple[str, int]:
    """What stands behind the first `skip` letters, and how many of them are still to come when the text is over."""
    for place, character in enumerate(text):
        if not skip:
            return text[place:], 0
        skip -= _is_letter(character)
    return "", skip


def _joined(committed: str, words: Sequence[TimedWord]) -> str:
    return (committed + "".join(word.text for word in words)).lstrip()


def _up_to_last_letter(text: str) -> str:
    return text[: 1 + max(i for i, character in enumerate(text) if _is_letter(character))]


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _units(text: str) -> list[str]:
    """The words without case and punctuation; characters where a script writes no spaces."""
    words = filter(None, map(letters, text.split()))
    return [unit for word in words for unit in (word if _UNSPACED.search(word) else [word])]


_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, kana, Han."""
