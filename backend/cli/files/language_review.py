"""Which utterances of a recording may be in a wrongly detected language, and what a second detection shows. Pure.

The first utterances are decided before the language of the recording is known, and short ones are weak evidence. When
the transcript is complete, each utterance in another language than most of the recording is recognized again after
speech in that language. The server then changes the language only on strong evidence, so a real change stays.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from backend.messages.protocol import Final

# Silence before the utterance that is recognized again: the longest endpoint is shorter.
PAUSE_MS = 3_000
# Speech that establishes a language; more does not add to it.
_ENOUGH_MS, _MOST_MS = 3_000, 30_000
# Utterances that are recognized again. A recording with more of them is in several languages.
MAX_DOUBTFUL = 16


@dataclass(frozen=True, slots=True)
class LanguageReview:
    """`anchor` is an utterance in the language of most of the recording. `doubtful` are those in other languages."""

    anchor: Final
    doubtful: tuple[Final, ...]

    @property
    def language(self) -> str:
        """The language of most of the recording."""
        return self.anchor.language


def plan_review(finals: Sequence[Final]) -> LanguageReview | None:
    """Choose the utterances to recognize again, the shortest first. None if all are in one language."""
    spoken = [final for final in finals if final.text]
    shares: defaultdict[str, int] = defaultdict(int)
    for final in spoken:
        shares[final.language] += _length_ms(final)
    if len(shares) < 2:
        return None
    main = max(sorted(shares), key=shares.__getitem__)
    anchor = max((final for final in spoken if final.language == main), key=_as_anchor)
    others = sorted((final for final in spoken if final.language != main), key=_length_ms)
    return LanguageReview(anchor, tuple(others[:MAX_DOUBTFUL]))


def second_opinion(review: LanguageReview, doubtful: Final, finals: Sequence[Final]) -> Final | None:
    """Return the utterance in the language of the recording, or None if it keeps its language.

    `finals` are the results for the anchor, PAUSE_MS of silence, and the doubtful utterance.
    """
    boundary_ms = _length_ms(review.anchor) + PAUSE_MS // 2
    before = [final for final in finals if final.text and final.start_ms < boundary_ms]
    after = [final for final in finals if final.text and final.start_ms >= boundary_ms]
    # In any other case the anchor established nothing, or the utterance was cut in another way.
    is_clear = len(after) == 1 and {final.language for final in [*before[-1:], *after]} == {review.language}
    return _moved(after[0], doubtful, _length_ms(review.anchor) + PAUSE_MS) if before and is_clear else None


def _moved(final: Final, original: Final, begin_ms: int) -> Final:
    """The new result with the number and the times of the original. `begin_ms` is where its audio began."""
    shift_ms = original.start_ms - begin_ms

    def place(ms: int) -> int:
        return min(max(ms + shift_ms, original.start_ms), original.end_ms)

    words = final.words and tuple(
        word.model_copy(update={"start_ms": place(word.start_ms), "end_ms": place(word.end_ms)}) for word in final.words
    )
    kept = {name: getattr(original, name) for name in ("utterance", "start_ms", "end_ms", "cursor")}
    return final.model_copy(update={**kept, "words": words})


def _as_anchor(final: Final) -> tuple[bool, float]:
    return _ENOUGH_MS <= _length_ms(final) <= _MOST_MS, final.confidence


def _length_ms(final: Final) -> int:
    return final.end_ms - final.start_ms
