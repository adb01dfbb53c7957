"""The door behind which a translation model stands, and the choice between several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.errors import UnsupportedPairError
from backend.messages.languages import english_name

SERVES_ALL = "nllb-200-distilled-600M"
"""The model, as the catalogue calls it, that translates every pair."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to translate into one language."""

    text: str
    source: str
    """FLORES-200 code, such as "eng_Latn"."""
    target: str
    """FLORES-200 code."""
    prefix: str = ""
    """What the translation must begin with: the part that a reader has seen already."""
    beam_size: int = 4


class Translator(Protocol):
    """A translation model. Called from one thread at a time."""

    model: str
    device: str
    compute_type: str

    def serves(self, source: str, target: str) -> bool:
        """Whether this model translates the pair."""
        ...

    def pairs(self) -> str:
        """What it serves, in words, for health and notices: "200 languages" or "zh to en"."""
        ...

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """One translation for each passage, in order."""
        ...


def pick_translator(translators: Sequence[Translator], source: str, target: str) -> Translator:
    """The first that serves the pair. Raises UnsupportedPairError, which says what is there and what to install."""
    for translator in translators:
        if translator.serves(source, target):
            return translator
    there = "; ".join(f"{translator.model} ({translator.pairs()})" for translator in translators) or "none"
    raise UnsupportedPairError(
        f"no installed model translates {english_name(source)} to {english_name(target)} (installed: {there}); "
        f"`nova models pull {SERVES_ALL}` installs one that does"
    )
