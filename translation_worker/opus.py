"""OPUS-MT and Argos packages for CTranslate2: one small model for one pair of languages.

A package is a directory with `model/` and `sentencepiece.model`. Its pair is in its `metadata.json` or
in its name. Sources and translations carry no language tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backend.errors import ModelError, ProtocolError
from backend.messages.languages import english_name, flores_code
from backend.models.formats import language_pair
from translation_worker.engine import Engine, Frame, Hardware
from translation_worker.translator import Passage

_ARGOS = {"zt": "zho_Hant", "pb": "por_Latn"}
"""Codes that only Argos uses."""


class Opus:
    """A `Translator` for its pair.

    It reads its source language in any script (opus-zh-en knows both Chinese scripts) and writes its target language
    in one: a reader of Traditional Chinese is not served by a package that writes Simplified.
    """

    def __init__(self, directory: Path, hardware: Hardware | None = None) -> None:
        self._source, self._target = map(_flores, language_pair(directory))
        self._engine = Engine(directory, "model", "sentencepiece.model", lambda _: Frame(), hardware or Hardware())
        self.model = self._engine.model
        self.device, self.compute_type = self._engine.device, self._engine.compute_type

    def serves(self, source: str, target: str) -> bool:
        """Whether this is its pair."""
        return source[:3] == self._source[:3] and target == self._target

    def pairs(self) -> str:
        """Its pair, by name."""
        return f"{english_name(self._source)} to {english_name(self._target)}"

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """One translation for each passage, in order."""
        return self._engine.translate(batch)


def _flores(code: str) -> str:
    try:
        return _ARGOS.get(code) or flores_code(code)
    except ProtocolError as error:
        raise ModelError(f"a package for a language that is not known here: {error}") from error
