"""OPUS-MT models and Argos packages for CTranslate2: one small model for one pair of languages.

A package is a directory with `model/` and `sentencepiece.model`. Its languages are in its `metadata.json` or in its
name; texts carry no language tokens.
"""

from pathlib import Path

from backend.engines.loading import Hardware
from backend.errors import ModelError, ProtocolError
from backend.messages.languages import LANGUAGES, english_name, flores_code
from backend.messages.served_languages import ServedPairs
from backend.models.formats import language_pair
from translation_worker.engine import ControlTokens, TranslationEngine

# Language codes that only Argos uses: Traditional Chinese and Brazilian Portuguese.
_ARGOS_CODES = {"zt": "zho_Hant", "pb": "por_Latn"}


class Opus(TranslationEngine):
    """A `Translator` for one pair.

    It accepts its source language in any script (opus-zh-en reads both Chinese scripts) and writes its target language
    in one script only, so a package that writes Simplified Chinese does not serve Traditional Chinese.
    """

    def __init__(self, directory: Path, hardware: Hardware | None = None) -> None:
        self._source, self._target = map(_flores_code, language_pair(directory))
        super().__init__(directory, "model", "sentencepiece.model", lambda _: ControlTokens(), hardware or Hardware())

    def serves(self, source: str, target: str) -> bool:
        return source[:3] == self._source[:3] and target == self._target

    def served(self) -> ServedPairs:
        sources = [code for one in LANGUAGES if (code := one.flores) and self.serves(code, self._target)]
        return ServedPairs.with_scripts(sources, [self._target])

    def pairs(self) -> str:
        return f"{english_name(self._source)} to {english_name(self._target)}"


def _flores_code(code: str) -> str:
    try:
        return _ARGOS_CODES.get(code) or flores_code(code)
    except ProtocolError as error:
        raise ModelError(f"unknown language of a translation model: {error}") from error
