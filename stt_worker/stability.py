"""Decides which words of a growing utterance are shown, and which are committed.

Every decode covers the whole utterance again. The words that are already shown are aligned with the new decode with the
fewest edits (Levenshtein 1966), and the caption continues where the alignment ends. As in LocalAgreement (Macháček et
al. 2023, arXiv 2307.14743) words count once successive decodes agree on them; how long they have agreed is measured in
seconds of audio, so that the result does not depend on the decode interval. A word in the middle of the caption
that later decodes spell differently is not corrected until the final: replacing it would remove all words after it from
the screen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from backend.messages.jobs import HypothesisWord
from backend.text.edits import edit_table
from backend.text.normalize import letters
from backend.text.scripts import fold_script
from backend.text.writing_systems import is_letter, split_words
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord

# The language of a conversation changes only to one that is at least this probable, in audio of at least this length:
# on short pieces the detector confuses similar languages.
SWITCH_PROBABILITY = 0.8
SWITCH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class StabilityPolicy:
    """Thresholds for showing and committing words, chosen by replaying speech (docs/explanation/partial-stability.md).

    Times are seconds of audio. The probability of a word that two successive decodes share is the lower of the two.
    """

    # A word is shown, or replaces the last words shown, when it has been the same for this long. The times are a little
    # below 1.5 s and 2 s, so that decodes do not have to be punctual.
    shown_seconds: float = 1.4
    shown_probability: float = 0.45
    # Or when it is this probable and ends this long before the end of the audio, which may cut off a word.
    once_probability: float = 0.6
    edge_seconds: float = 0.2
    # The first words of an utterance are shown at once, however improbable: the speaker sees that recognition works.
    opening_words: int = 1
    # A shown word is committed when it has been the same for this long.
    committed_seconds: float = 1.9
    committed_probability: float = 0.5


@dataclass(frozen=True, slots=True)
class CaptionState:
    """The caption after a decode, and what the next decode needs.

    `committed` begins with the previously committed text; `committed + tentative` is the caption, and both end with a
    letter or digit. `hypothesis` holds the words of this decode after the committed ones, shown or not.
    `committed_seconds` is the end of the committed words in the audio. `words` are those of the caption, or none if it
    was kept without a decode.
    """

    committed: str
    tentative: str
    hypothesis: tuple[HypothesisWord, ...]
    committed_seconds: float = 0.0
    words: tuple[RecognizedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """A word of a decode (a character in scripts without spaces), with the space and punctuation before it.

    `lower` is the lower of its probabilities in this decode and, if that one had the word too, in the previous one;
    `since` is the length of the audio, in seconds, when the word first appeared in its present form.
    """

    text: str
    start: float
    end: float
    probability: float
    lower: float
    since: float


# The committed text and the words after it that have settled; returns how many of them to commit.
Limit = Callable[[str, Sequence[str]], int]


def _all_words(committed: str, words: Sequence[str]) -> int:
    return len(words)


def update_caption(
    committed: str,
    tentative: str,
    previous: Sequence[HypothesisWord],
    hypothesis: Hypothesis,
    seconds: float,
    policy: StabilityPolicy | None = None,
    limit: Limit = _all_words,
) -> CaptionState:
    """Return the caption after a decode of `seconds` of audio.

    `committed` and `tentative` are the caption so far, and `previous` the words of the previous decode after
    `committed`, as in its CaptionState. `hypothesis` must have words; it does not have to begin with `committed`.
    `limit` decides how many of the words that have settled are committed.
    """
    policy = policy or StabilityPolicy()
    committed_words, decoded = split_words(committed), _decoded_words(hypothesis.words, seconds)
    count = len(committed_words)
    shown = [*committed_words, *split_words(tentative)]
    places = _align(shown, _texts(decoded))
    behind = min(_next_place(places, count), len(decoded))
    decoded[behind:] = _with_history(decoded[behind:], previous)
    # Keep the caption up to its last word that the new decode confirms. The words after it may be replaced.
    kept = next((i for i in range(len(shown), count, -1) if places[i - 1] is not None), count)
    onward = _next_place(places, kept)
    if kept == len(shown) or (onward < len(decoded) and _is_steady(decoded[onward], seconds, policy)):
        visible = _visible(decoded[onward:], seconds, policy, opening=policy.opening_words - kept)
        shown = [*shown[:kept], *(word.text for word in visible)]
        places = [*places[:kept], *range(onward, onward + len(visible))]
    return _caption(committed, shown, places, decoded, seconds, policy, limit)


def _caption(
    committed: str,
    shown: Sequence[str],
    places: Sequence[int | None],
    decoded: Sequence[DecodedWord],
    seconds: float,
    policy: StabilityPolicy,
    limit: Limit,
) -> CaptionState:
    """Commit the shown words that have settled, and describe the caption."""
    first = settled = len(split_words(committed))
    while settled < len(shown) and (place := places[settled]) is not None:
        if not _is_settled(decoded[place], seconds, policy):
            break
        settled += 1
    settled = first + limit(committed, shown[first:settled])
    # Words are joined as they were split, so that the committed text is extended and never changed.
    whole = committed + "".join(shown[first:])
    extended = committed + "".join(shown[first:settled])
    behind = min(_next_place(places, settled), len(decoded))
    return CaptionState(
        extended.lstrip(),
        whole.lstrip()[len(extended.lstrip()) :],
        tuple(HypothesisWord(text=w.text, probability=w.probability, since=w.since) for w in decoded[behind:]),
        (decoded[behind - 1].end if behind else seconds) if settled else 0.0,
        _timed(shown, places, decoded, seconds),
    )


def _timed(
    shown: Sequence[str], places: Sequence[int | None], decoded: Sequence[DecodedWord], seconds: float
) -> tuple[RecognizedWord, ...]:
    """Add times and probabilities of this decode to the shown words.

    A word that the decode does not have lies between its neighbours, and has the probability 0.
    """
    words: list[RecognizedWord] = []
    for i, text in enumerate(shown):
        place = places[i]
        if place is not None:
            start, end, probability = decoded[place].start, decoded[place].end, decoded[place].probability
        else:
            start = words[-1].end if words else 0.0
            after = next((decoded[at].start for at in places[i + 1 :] if at is not None), seconds)
            end, probability = max(start, after), 0.0
        punctuation, space, rest = text.partition(" ")
        if words and punctuation and space:  # `split_words` puts it before the next word
            words[-1] = replace(words[-1], text=words[-1].text + punctuation)
            text = space + rest
        words.append(RecognizedWord(text if words else text.lstrip(), start, end, probability))
    return tuple(words)


def spoken_language(last_language: str | None, probabilities: Mapping[str, float], seconds: float) -> tuple[str, float]:
    """Return the language to decode in, and its probability: the last one, unless another is almost certain.

    `probabilities` holds the detected languages of this piece of audio, and is not empty.
    """
    likeliest = max(probabilities, key=lambda language: probabilities[language])
    is_certain = probabilities[likeliest] >= SWITCH_PROBABILITY and seconds >= SWITCH_SECONDS
    language = likeliest if last_language is None or is_certain else last_language
    return language, probabilities.get(language, 0.0)


def _visible(words: Sequence[DecodedWord], seconds: float, policy: StabilityPolicy, opening: int) -> list[DecodedWord]:
    """The new words up to the first that must not be shown yet. The first `opening` words are always shown."""

    def is_probable(index: int, word: DecodedWord) -> bool:
        is_complete = seconds - word.end >= policy.edge_seconds
        return index < opening or (is_complete and word.probability >= policy.once_probability)

    shown = takewhile(lambda item: is_probable(*item) or _is_steady(item[1], seconds, policy), enumerate(words))
    return [word for _, word in shown]


def _is_steady(word: DecodedWord, seconds: float, policy: StabilityPolicy) -> bool:
    return seconds - word.since >= policy.shown_seconds and word.lower >= policy.shown_probability


def _is_settled(word: DecodedWord, seconds: float, policy: StabilityPolicy) -> bool:
    return seconds - word.since >= policy.committed_seconds and word.lower >= policy.committed_probability


def _with_history(words: Sequence[DecodedWord], previous: Sequence[HypothesisWord]) -> list[DecodedWord]:
    """Add age and probability from the previous decode to the words that both decodes contain."""
    known = list(words)
    for word, place in zip(previous, _align(_texts(previous), _texts(words)), strict=True):
        if place is not None:
            current = words[place]
            known[place] = replace(current, since=word.since, lower=min(word.probability, current.probability))
    return known


def _next_place(places: Sequence[int | None], count: int) -> int:
    """Where the new decode continues after the first `count` words; words that it lacks count as one word each."""
    found = next((i for i in range(count, 0, -1) if places[i - 1] is not None), 0)
    place = places[found - 1] if found else None
    return count - found + (0 if place is None else place + 1)


def words_after(committed: str, text: str) -> str:
    """The rest of a text after the words that are the committed ones, although some may be others."""
    old, new = split_words(committed), split_words(text)
    place = _next_place(_align(old, new), len(old))
    punctuation = text[len("".join(new)) :] if place <= len(new) else ""
    return "".join(new[place:]) + punctuation


def _texts(words: Iterable[DecodedWord | HypothesisWord]) -> list[str]:
    return [word.text for word in words]


def _align(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """Return the index in `new` of each old word, or None, for the alignment with the fewest edits.

    All old words are aligned with a beginning of the new ones. Among beginnings with equally many edits, one with the
    same last word is preferred, then one of the same length.
    """
    # A character in Traditional script is the same word as in Simplified script.
    before, after = ([letters(fold_script(word)) for word in words] for words in (old, new))
    # Most of a caption does not change: the quadratic part starts at the first difference.
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


def _decoded_words(words: Sequence[RecognizedWord], seconds: float) -> list[DecodedWord]:
    """Split the text of a decode into words, as if they appeared for the first time.

    The decoder's own words may be parts of words or groups of characters, so the text is split again.
    """
    text = "".join(word.text for word in words)
    owners = [word for word in words for _ in word.text]
    decoded: list[DecodedWord] = []
    begin = 0
    for piece in split_words(text):
        end = begin + len(piece)
        spoken = [owners[i] for i in range(begin, end) if is_letter(text[i])]
        probability = min(word.probability for word in spoken)
        decoded.append(DecodedWord(piece, spoken[0].start, spoken[-1].end, probability, probability, seconds))
        begin = end
    return decoded
