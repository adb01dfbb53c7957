"""Hotwords for transducers of sherpa-onnx: whether a model supports them, and how they are written."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from backend.text.vocabulary import divided_hotwords
from stt_worker.recognizers.onnx.families import ModelFamily
from stt_worker.recognizers.recognizer import Speech

BPE_FILE = "bpe.vocab"
# Languages whose models have a token for each character.
_BY_CHARACTER = frozenset({"zh", "yue", "ja", "ko"})
# Characters that sherpa-onnx reads as the end of a phrase, a score, a threshold or a name.
_RESERVED = re.compile(r"[/:#@]+")
# A character, or a word in Latin letters, as sherpa-onnx divides text into characters.
_BY_UNIT = re.compile(r"[\x21-\x7e]+|\S")
TOKENS_FILE = "tokens.txt"


class Hotwords:
    """The hotwords of one model. `work`: whether they have an effect."""

    def __init__(self, path: Path, family: ModelFamily, languages: Collection[str] | None) -> None:
        files = [file.name for file in path.iterdir()]
        unit = modeling_unit(files, languages) if family.hotwords else ""
        self.work = bool(unit)
        # The beams cost time, so other models decode greedily.
        self.arguments: dict[str, object] = (
            {"decoding_method": "modified_beam_search", "modeling_unit": unit} if unit else {}
        )
        if "bpe" in unit:
            self.arguments["bpe_vocab"] = str(path / BPE_FILE)
        self._vocabulary = Vocabulary.read((path / TOKENS_FILE).read_text("utf-8"), unit) if unit else None

    def create_stream(self, recognizer: Any, speech: Speech) -> Any:
        """A stream of sherpa-onnx that prefers the hotwords of the speech."""
        phrases = self._vocabulary.phrases(speech.hotwords) if self._vocabulary else ""
        return recognizer.create_stream(hotwords=phrases) if phrases else recognizer.create_stream()


def modeling_unit(files: Sequence[str], languages: Collection[str] | None) -> str:
    """How the tokens of a transducer divide text, as sherpa-onnx names it; "": unknown, so hotwords have no effect."""
    by_character = bool(languages and _BY_CHARACTER.intersection(languages))
    if BPE_FILE not in files:
        return "cjkchar" if by_character and _BY_CHARACTER.issuperset(languages or ()) else ""
    return "cjkchar+bpe" if by_character else "bpe"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The text that a model can write: its symbols, their unit, and whether it has upper-case letters only."""

    symbols: frozenset[str]
    unit: str
    upper_case: bool

    @classmethod
    def read(cls, tokens: str, unit: str) -> Self:
        """Read the text of tokens.txt. Names in angle brackets are no text."""
        listed = (line.split()[0] for line in tokens.splitlines() if line.split())
        symbols = frozenset(symbol for symbol in listed if not symbol.startswith("<"))
        text = "".join(symbols)
        return cls(symbols if unit == "cjkchar" else frozenset(text), unit, text.upper() == text != text.lower())

    def phrases(self, hotwords: str) -> str:
        """The hotwords of a session as sherpa-onnx reads them: phrases between commas, or words if there is no comma.

        It prints phrases that it cannot write, and hotwords must not be in logs, so these are left out.
        """
        terms = divided_hotwords(hotwords.upper() if self.upper_case else hotwords)
        phrases = (part.strip() for term in terms for part in _RESERVED.split(term))
        return "/".join(phrase for phrase in phrases if phrase and self._can_write(phrase))

    def _can_write(self, phrase: str) -> bool:
        parts = _BY_UNIT.findall(phrase) if self.unit == "cjkchar" else phrase.replace(" ", "")
        return all(part in self.symbols for part in parts)
