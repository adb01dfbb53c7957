from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from backend.errors import UnsupportedPairError
from backend.messages.served_languages import ServedPairs
from translation_worker.translator import Passage, pick_translator


@dataclass
class OnePair:
    """Translates one pair by naming itself."""

    model: str
    source: str
    target: str
    device: str = "cpu"
    compute_type: str = "int8"

    def serves(self, source: str, target: str) -> bool:
        return (source, target) == (self.source, self.target)

    def pairs(self) -> str:
        return f"{self.source} to {self.target}"

    def served(self) -> ServedPairs:
        return ServedPairs.with_scripts([self.source], [self.target])

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        return [self.model for _ in batch]


FIRST = OnePair("first", "eng_Latn", "deu_Latn")
SECOND = OnePair("second", "eng_Latn", "fra_Latn")
THIRD = OnePair("third", "eng_Latn", "fra_Latn")


def test_the_first_model_that_serves_the_pair_is_used() -> None:
    assert pick_translator([FIRST, SECOND, THIRD], "eng_Latn", "fra_Latn") == (SECOND, "fra_Latn")


def test_a_model_that_writes_another_chinese_script_is_used_if_none_writes_the_right_one() -> None:
    simplified, traditional = OnePair("s", "eng_Latn", "zho_Hans"), OnePair("t", "eng_Latn", "zho_Hant")
    assert pick_translator([simplified], "eng_Latn", "zho_Hant") == (simplified, "zho_Hans")
    assert pick_translator([simplified, traditional], "eng_Latn", "zho_Hant") == (traditional, "zho_Hant")
    with pytest.raises(UnsupportedPairError):
        pick_translator([simplified, traditional], "eng_Latn", "yue_Hant")


def test_the_error_names_the_installed_models_and_the_one_to_install() -> None:
    with pytest.raises(UnsupportedPairError) as error:
        pick_translator([FIRST, SECOND], "fra_Latn", "eng_Latn")
    for words in ("French to English", "first (eng_Latn to deu_Latn)", "nova models pull nllb-200-distilled-600M"):
        assert words in error.value.message
    with pytest.raises(UnsupportedPairError, match="installed: none"):
        pick_translator([], "fra_Latn", "eng_Latn")
