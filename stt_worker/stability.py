"""What of a growing utterance is shown, and what of it is promised.

Every decode hears the utterance anew. What stands already is laid along the new decode, word by word, with the fewest
edits (Levenshtein 1966), and goes on where it ends there. As in LocalAgreement (Macháček et al. 2023, arXiv 2307.14743)
words count once successive decodes agree on them; for how long they have agreed is measured in audio, so that it means
the same however often is decoded. A word that reads otherwise in the middle of what is shown is left for the final,
because mending it would take back, for the reader, all that stands behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from backend.messages.jobs import HypothesisWord
from backend.text.edits import edit_table
from backend.text.normalize import letters
from backend.text.scripts import is_letter, split_words
from stt_worker.recognizers.recognizer import Hypothesis, TimedWord

SWITCH_PROBABILITY = 0.8
SWITCH_SECONDS = 2.0
"""A conversation's language gives way only to one at least this probable, in audio at least this long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure is sure enough: chosen by replaying real speech (docs/explanation/partial-stability.md).

    Of a word that two successive decodes heard, the lower probability counts. Times are seconds of audio, and a little
    less than whole or half ones, so that decodes in such a rhythm need not keep time exactly.
    """

    shown_seconds: float = 0.9
    shown_probability: float = 0.4
    """To be shown, or to replace the last words shown, a word must have read the same for so long."""
    once_probability: float = 0.6
    edge_seconds: float = 0.2
    """Or it must be so probable, and over so long before the end of the audio, which may cut a word off."""
    opening_words: int = 1
    """Of an utterance: shown as soon as they are heard, however improbable: a speaker sees that all is well."""
    committed_seconds: float = 1.9
    committed_probability: float = 0.5
    """To be committed, a word that is shown must have read the same for so long."""


@dataclass(frozen=True, slots=True)
class CaptionState:
    """What to show, and what to remember until the next decode."""

    committed: str
    """Begins with what was committed before, and ends with a letter or digit."""
    tentative: str
    """With the space or punctuation before it: `committed + tentative` is what is shown. Ends like `committed`."""
    hypothesis: tuple[HypothesisWord, ...]
    """What this decode heard behind the committed words, shown or not."""
    committed_seconds: float = 0.0
    """Where the committed words end in the audio."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word, or in scripts that write no spaces a character, as a decode heard it."""

    text: str
    """With the space and punctuation before it, and none behind."""
    end: float
    probability: float
    lower: float
    """Of the probabilities in this decode and, if that heard it too, in the last."""
    since: float
    """How much audio there was when it was first heard, and not otherwise since."""


def agree(
    committed: str,
    tentative: str,
    before: Sequence[HypothesisWord],
    heard: Hypothesis,
    seconds: float,
    policy: Policy | None = None,
) -> CaptionState:
    """Show and commit what this decode of `seconds` of audio, and the one `before` it, say behind what stands already.

    `committed`, `tentative`: what is shown, `before`: what was heard behind `committed`, as the last `Stable` had it.
    `heard` must carry words; it may begin with `committed`, and need not.
    """
    policy = policy or Policy()
    promised, said = split_words(committed), _units(heard.words, seconds)
    shown = [*promised, *split_words(tentative)]
    places = _places(shown, said)
    behind = min(_behind(places, len(promised)), len(said))
    said[behind:] = _confirmed(said[behind:], before)
    kept = next((i for i in range(len(shown), len(promised), -1) if places[i - 1] is not None), len(promised))
    onward = _behind(places, kept)
    if kept == len(shown) or (onward < len(said) and _is_steady(said[onward], seconds, policy)):
        visible = _visible(said[onward:], seconds, policy, opening=policy.opening_words - kept)
        shown = [*shown[:kept], *(unit.text for unit in visible)]
        places = [*places[:kept], *range(onward, onward + len(visible))]
    sure = len(promised)
    while sure < len(shown) and (place := places[sure]) is not None and _is_settled(said[place], seconds, policy):
        sure += 1
    whole = committed + "".join(shown[len(promised) :])
    promise = committed + "".join(shown[len(promised) : sure])
    behind = min(_behind(places, sure), len(said))
    return CaptionState(
        promise.lstrip(),
        whole.lstrip()[len(promise.lstrip()) :],
        tuple(HypothesisWord(text=unit.text, probability=unit.probability, since=unit.since) for unit in said[behind:]),
        (said[behind - 1].end if behind else seconds) if sure else 0.0,
    )


def spoken_language(heard: str | None, probabilities: Mapping[str, float], seconds: float) -> tuple[str, float]:
    """The language to decode in, and its probability: what was `heard` before, until another is all but certain.

    `probabilities` by language code, of this piece of audio; not empty.
    """
    likeliest = max(probabilities, key=lambda language: probabilities[language])
    is_strong = probabilities[likeliest] >= SWITCH_PROBABILITY and seconds >= SWITCH_SECONDS
    language = likeliest if heard is None or is_strong else heard
    return language, probabilities.get(language, 0.0)


def _visible(fresh: Sequence[_Unit], seconds: float, policy: Policy, opening: int) -> list[_Unit]:
    """The units up to the first that nobody should see yet; the first `opening` ones everybody may."""

    def is_plain(place: int, unit: _Unit) -> bool:
        is_over = seconds - unit.end >= policy.edge_seconds
        return place < opening or (is_over and unit.probability >= policy.once_probability)

    plain = takewhile(lambda one: is_plain(*one) or _is_steady(one[1], seconds, policy), enumerate(fresh))
    return [unit for _, unit in plain]


def _is_steady(unit: _Unit, seconds: float, policy: Policy) -> bool:
    return seconds - unit.since >= policy.shown_seconds and unit.lower >= policy.shown_probability


def _is_settled(unit: _Unit, seconds: float, policy: Policy) -> bool:
    return seconds - unit.since >= policy.committed_seconds and unit.lower >= policy.committed_probability


def _confirmed(fresh: Sequence[_Unit], before: Sequence[HypothesisWord]) -> list[_Unit]:
    """The units, knowing what the last decode heard of them."""
    confirmed = list(fresh)
    for word, place in zip(before, _places([word.text for word in before], fresh), strict=True):
        if place is not None:
            unit = fresh[place]
            confirmed[place] = replace(unit, since=word.since, lower=min(word.probability, unit.probability))
    return confirmed


def _behind(places: Sequence[int | None], count: int) -> int:
    """Where the new decode goes on behind the first `count` places; units not found in it are taken one for one."""
    found = next((i for i in range(count, 0, -1) if places[i - 1] is not None), 0)
    place = places[found - 1] if found else None
    return count - found + (0 if place is None else place + 1)


def _places(old: Sequence[str], new: Sequence[_Unit]) -> list[int | None]:
    """Where each of the old stands among the new, if it does: laid with the fewest edits along a beginning of them.

    Of beginnings that are equally near, one that ends alike, and then one of the same length.
    """
    before, after = _spelled(old), _spelled([unit.text for unit in new])
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    before, after = before[same:], after[same:]
    edits = edit_table(before, after)
    places: list[int | None] = [*range(same), *(None for _ in before)]
    i = len(before)
    j = min(range(len(after) + 1), key=lambda j: (edits[i][j], before[-1:] != after[:j][-1:], abs(j - i)))
    while i and j:
        if before[i - 1] == after[j - 1]:
            i, j = i - 1, j - 1
            places[same + i] = same + j
        else:
            i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: edits[at[0]][at[1]])
    return places


def _units(words: Sequence[TimedWord], seconds: float) -> list[_Unit]:
    """What a decoder's words spell, which need not begin and end as words do, as if heard for the first time."""
    text = "".join(word.text for word in words)
    owners = [word for word in words for _ in word.text]
    units: list[_Unit] = []
    begin = 0
    for piece in split_words(text):
        end = begin + len(piece)
        spoken = [owners[i] for i in range(begin, end) if is_letter(text[i])]
        probability = min(word.probability for word in spoken)
        units.append(_Unit(piece, spoken[-1].end, probability, probability, seconds))
        begin = end
    return units


def _spelled(pieces: Sequence[str]) -> list[str]:
    return [letters(piece) for piece in pieces]
