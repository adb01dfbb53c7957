"""Translates passages with a model that translates single sentences. Pure.

A passage is split into sentences. Each distinct sentence is decoded once. A degenerate translation is decoded again
with safer options. Then the translations are joined. The model is a `SentenceDecoder`.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from translation_worker import guards, sentences
from translation_worker.symbols import IsKnown, take_out
from translation_worker.translator import Passage

# Sentences whose translations are cached; about 1 MB. A preview repeats the sentences of the previous one.
CACHE_SIZE = 2048
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class DraftTranslation:
    """The decoded translation of a sentence, beginning with its prefix.

    `complete` is False if it was cut off at its limit of tokens.
    """

    text: str
    complete: bool = True


class SentenceDecoder(Protocol):
    """A model that translates sentences; with `careful` it is kept from repeating itself."""

    def __call__(self, batch: Sequence[Passage], *, careful: bool) -> list[DraftTranslation]:
        """Return one draft for each sentence, in order."""


class PassageTranslator:
    """Splits passages, translates their sentences with `decode`, and joins the results."""

    def __init__(
        self, decode: SentenceDecoder, cache_size: int = CACHE_SIZE, is_known: IsKnown = lambda _: True
    ) -> None:
        self._decode, self._is_known = decode, is_known
        self._cache: OrderedDict[Passage, str] = OrderedDict()
        self._cache_size = cache_size

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """Return one translation for each passage, in order; each begins with its prefix, verbatim."""
        plans = [divide(passage) for passage in batch]
        found = self._look_up(dict.fromkeys(part for plan in plans for part in plan if isinstance(part, Passage)))
        return ["".join(found[part] if isinstance(part, Passage) else part for part in plan) for plan in plans]

    def _look_up(self, wanted: Collection[Passage]) -> dict[Passage, str]:
        """Return the translation of each sentence, from the cache or from the model."""
        found = {sentence: self._cache[sentence] for sentence in wanted if sentence in self._cache}
        found |= self._translate_symbols([sentence for sentence in wanted if sentence not in found])
        for sentence, text in found.items():
            # A translation that continues a prefix is needed only once.
            if not sentence.prefix:
                self._cache[sentence] = text
                self._cache.move_to_end(sentence)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return found

    def _translate_symbols(self, wanted: list[Passage]) -> dict[Passage, str]:
        """Translate sentences without their symbols, and restore these."""
        plain = {sentence: take_out(sentence, self._is_known) for sentence in wanted}
        asked = dict.fromkeys(found.passage for found in plain.values() if found.has_words)
        texts = self._translate(list(asked))
        return {
            sentence: found.restore(texts[found.passage]) if found.has_words else sentence.prefix or sentence.text
            for sentence, found in plain.items()
        }

    def _translate(self, wanted: list[Passage]) -> dict[Passage, str]:
        drafts = self._run(wanted, careful=False)
        degenerate = [sentence for sentence, draft in drafts.items() if _is_degenerate(sentence, draft)]
        careful = self._run(degenerate, careful=True)
        return {s: _without_loops(s, careful[s]) if s in careful else draft.text for s, draft in drafts.items()}

    def _run(self, wanted: list[Passage], *, careful: bool) -> dict[Passage, DraftTranslation]:
        return dict(zip(wanted, self._decode(wanted, careful=careful), strict=True)) if wanted else {}


def divide(passage: Passage) -> list[Passage | str]:
    """Return the parts of the translation in order: sentences to translate, and text that is kept as it is.

    The sentences of the prefix correspond one to one to the first sentences of the text. All but the last of them are
    complete; the last one is continued by the translation of its sentence.
    """
    source = sentences.split(passage.text.strip(), passage.source)
    # A translated sentence may be longer than any source, so it is not divided.
    shown = sentences.split(passage.prefix, passage.target, max_length=_UNLIMITED)
    done = min(len(shown), len(source)) - 1 if shown else 0
    if not source:
        return [passage.prefix]
    finished = "".join(sentence.text + sentence.gap for sentence in shown[:done])
    parts: list[Passage | str] = [finished]
    for place, sentence in enumerate(source[done:], start=done):
        prefix = passage.prefix[len(finished) :] if place == done else ""
        if place > done:
            parts.append(sentences.separator(source[place - 1].gap, passage.target))
        parts.append(_part(replace(passage, text=sentence.text, prefix=prefix)))
    return parts


def _part(sentence: Passage) -> Passage | str:
    # Text without words ("...", "♪") is the same in every language, but models make up words for it.
    if any(char.isalnum() for char in sentence.text):
        return sentence
    return sentence.prefix or sentence.text


def _is_degenerate(sentence: Passage, draft: DraftTranslation) -> bool:
    # Only what the model added is judged: the prefix is kept in any case.
    added = draft.text[len(sentence.prefix) :]
    return not draft.complete or not draft.text or (guards.has_loop(added) and not guards.has_loop(sentence.text))


def _without_loops(sentence: Passage, draft: DraftTranslation) -> str:
    """Remove the loops that a careful decode still has, except in the prefix."""
    shown = len(sentence.prefix)
    return draft.text[:shown] + guards.without_loops(draft.text[shown:])
