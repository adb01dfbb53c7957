"""NLLB-200: one model from any of 202 languages into any other.

Its directory is what CTranslate2's converter writes, with the SentencePiece model beside it. A source is
`[language, *pieces, </s>]`, a translation begins with its language's token (NLLB Team, 2022, arXiv:2207.04672).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from backend.errors import ModelError
from backend.messages.languages import LANGUAGES
from translation_worker.engine import Engine, Frame, Hardware
from translation_worker.translator import Passage


class Nllb:
    """A `Translator` between all languages whose tokens its vocabulary holds."""

    def __init__(self, directory: Path, hardware: Hardware | None = None) -> None:
        self._languages = _languages(directory)
        self._engine = Engine(directory, ".", "sentencepiece.bpe.model", _frame, hardware or Hardware())
        self.model = self._engine.model
        self.device, self.compute_type = self._engine.device, self._engine.compute_type

    def serves(self, source: str, target: str) -> bool:
        """Whether both are languages of this model."""
        return {source, target} <= self._languages

    def pairs(self) -> str:
        """How many languages it knows."""
        return f"{len(self._languages)} languages"

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """One translation for each passage, in order; any pairs may share a batch."""
        return self._engine.translate(batch)


def _frame(sentence: Passage) -> Frame:
    return Frame(before=(sentence.source,), after=("</s>",), target=(sentence.target,))


def _languages(directory: Path) -> frozenset[str]:
    known = {language.flores for language in LANGUAGES if language.flores}
    found = known.intersection(_vocabulary(directory))
    if not found:
        raise ModelError(f"{directory} holds no NLLB model: its vocabulary has no language tokens")
    return frozenset(found)


def _vocabulary(directory: Path) -> list[str]:
    """Tokens of the shared vocabulary; older converters wrote them one a line."""
    as_json, as_lines = directory / "shared_vocabulary.json", directory / "shared_vocabulary.txt"
    try:
        if as_json.is_file():
            tokens: list[str] = json.loads(as_json.read_text(encoding="utf-8"))
            return tokens
        return as_lines.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ModelError(f"no vocabulary of a translation model in {directory}: {error}") from error
