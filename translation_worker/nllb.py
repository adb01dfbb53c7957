"""NLLB-200: one model between any two of 202 languages (NLLB Team 2022, arXiv:2207.04672).

The directory is the output of CTranslate2's converter, with the SentencePiece model next to it. A source is encoded as
`[language, *pieces, </s>]`, and a translation begins with the token of its language.
"""

import json
from pathlib import Path

from backend.engines.loading import Hardware
from backend.errors import ModelError
from backend.messages.languages import LANGUAGES
from backend.messages.served_languages import ServedPairs
from translation_worker.engine import ControlTokens, TranslationEngine
from translation_worker.translator import Passage


class Nllb(TranslationEngine):
    """A `Translator` between all languages that have a token in the model's vocabulary."""

    def __init__(self, directory: Path, hardware: Hardware | None = None) -> None:
        self._languages = _languages(directory)
        super().__init__(directory, ".", "sentencepiece.bpe.model", _control_tokens, hardware or Hardware())

    def serves(self, source: str, target: str) -> bool:
        return {source, target} <= self._languages

    def served(self) -> ServedPairs:
        return ServedPairs.with_scripts(self._languages, self._languages)

    def pairs(self) -> str:
        return f"{len(self._languages)} languages"


def _control_tokens(sentence: Passage) -> ControlTokens:
    return ControlTokens(before=(sentence.source,), after=("</s>",), target=(sentence.target,))


def _languages(directory: Path) -> frozenset[str]:
    known = {language.flores for language in LANGUAGES if language.flores}
    found = known.intersection(_vocabulary(directory))
    if not found:
        raise ModelError(f"{directory} holds no NLLB model: its vocabulary has no language tokens")
    return frozenset(found)


def _vocabulary(directory: Path) -> list[str]:
    """Read the tokens of the shared vocabulary: JSON, or one per line from older converters."""
    as_json, as_lines = directory / "shared_vocabulary.json", directory / "shared_vocabulary.txt"
    try:
        if as_json.is_file():
            tokens: list[str] = json.loads(as_json.read_text(encoding="utf-8"))
            return tokens
        return as_lines.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the vocabulary of the translation model in {directory}: {error}") from error
