"""From passages to sentences and back: what every translation model needs around it. Pure.

A passage is divided into sentences, each is decoded once however many passages share it, what ran wild is decoded
again with care, and the translations are joined. `decode` is the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from translation_worker import guards, sentences
from translation_worker.translator import Passage

CACHE_SIZE = 2048
"""Sentences remembered, with their translations: about 1 MB."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence's translation as decoded."""

    text: str
    """Begins with the sentence's prefix."""
    complete: bool = True
    """False: it reached its limit of tokens before its end."""


class Decode(Protocol):
    """A model that translates sentences; with `careful` it is kept from repeating itself."""

    def __call__(self, batch: Sequence[Passage], *, careful: bool) -> list[Draft]:
        """One draft for each sentence, in order."""
        ...


class Sentencewise:
    """Translates passages by means of a model that knows single sentences."""

    def __init__(self, decode: Decode, cache_size: int = CACHE_SIZE) -> None:
        self._decode = decode
        self._cache: OrderedDict[Passage, str] = OrderedDict()
        self._cache_size = cache_size

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """One translation for each passage, in order; each begins with its prefix, verbatim."""
        plans = [divide(passage) for passage in batch]
        found = self._look_up(dict.fromkeys(part for plan in plans for part in plan if isinstance(part, Passage)))
        return ["".join(found[part] if isinstance(part, Passage) else part for part in plan) for plan in plans]

    def _look_up(self, wanted: Collection[Passage]) -> dict[Passage, str]:
        """The translation of each sentence: remembered, or decoded now."""
        found = {sentence: self._cache[sentence] for sentence in wanted if sentence in self._cache}
        found |= self._translate([sentence for sentence in wanted if sentence not in found])
        for sentence, text in found.items():
            if not sentence.prefix:
                self._cache[sentence] = text
                self._cache.move_to_end(sentence)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return found

    def _translate(self, wanted: list[Passage]) -> dict[Passage, str]:
        drafts = self._run(wanted, careful=False)
        wild = [sentence for sentence, draft in drafts.items() if _ran_wild(sentence, draft)]
        careful = self._run(wild, careful=True)
        return {s: _tamed(s, careful[s]) if s in careful else draft.text for s, draft in drafts.items()}

    def _run(self, wanted: list[Passage], *, careful: bool) -> dict[Passage, Draft]:
        return dict(zip(wanted, self._decode(wanted, careful=careful), strict=True)) if wanted else {}


def divide(passage: Passage) -> list[Passage | str]:
    """The parts of the translation in order: sentences yet to be translated, and text that stands as it is.

    The sentences of the prefix belong to the first sentences of the text, one to one. All but the last of them are
    done; the last is continued by the translation of its sentence.
    """
    source = sentences.split(passage.text.strip(), passage.source)
    shown = sentences.split(passage.prefix, passage.target)
    done = min(len(shown), len(source)) - 1 if shown else 0
    if not source:
        return [passage.prefix]
    finished = "".join(sentence.text + sentence.gap for sentence in shown[:done])
    parts: list[Passage | str] = [finished]
    for place, sentence in enumerate(source[done:], start=done):
        prefix = passage.prefix[len(finished) :] if place == done else ""
        if place > done:
            parts.append(sentences.joint(source[place - 1].gap, passage.target))
        parts.append(_part(replace(passage, text=sentence.text, prefix=prefix)))
    return parts


def _part(sentence: Passage) -> Passage | str:
    """A sentence without a word in it ("...", "♪") is the same in every language, and models make words of it."""
    if any(char.isalnum() for char in sentence.text):
        return sentence
    return sentence.prefix or sentence.text


def _ran_wild(sentence: Passage, draft: Draft) -> bool:
    """Judged by what the model added to the prefix, as that stays whatever it is."""
    added = draft.text[len(sentence.prefix) :]
    return not draft.complete or not draft.text or (guards.loops(added) and not guards.loops(sentence.text))


def _tamed(sentence: Passage, draft: Draft) -> str:
    """What a reader may see of a second attempt: loops go, except in the prefix."""
    shown = len(sentence.prefix)
    return draft.text[:shown] + guards.without_loops(draft.text[shown:])
