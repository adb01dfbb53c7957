"""Identifying model directories by their files, and the languages of OPUS models."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ModelError
from backend.models import identify, language_pair
from tests.unit.backend.models.files import lay

WHISPER = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
NLLB = ("model.bin", "config.json", "shared_vocabulary.json", "sentencepiece.bpe.model")
NOISE = ("gtcrn_simple.onnx",)
OPUS = ("model/model.bin", "model/config.json", "model/shared_vocabulary.json", "sentencepiece.model")


TORCH = ("model.safetensors", "config.json", "tokenizer.json")
PARTS = ("model.safetensors.index.json", "model-00001-of-00002.safetensors", "config.json", "tokenizer.json")
ONNX = ("tokens.txt", "encoder.int8.onnx", "decoder.int8.onnx", "joiner.int8.onnx")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("whisper", WHISPER),
        ("whisper-transformers", TORCH),
        ("whisper-transformers", PARTS),
        ("sherpa-onnx", ONNX),
        ("nllb", NLLB),
        ("opus", OPUS),
        ("noise", NOISE),
    ],
)
def test_each_kind_is_identified_by_its_files(tmp_path: Path, kind: str, names: tuple[str, ...]) -> None:
    assert identify(lay(tmp_path, *names)) == kind


def test_vocabularies_may_be_text_or_json(tmp_path: Path) -> None:
    assert identify(lay(tmp_path / "v3", *WHISPER[:3], "vocabulary.json")) == "whisper"
    assert identify(lay(tmp_path / "old", "model.bin", "shared_vocabulary.txt", "sentencepiece.bpe.model")) == "nllb"


@pytest.mark.parametrize("names", [WHISPER, NLLB[:1] + NLLB[2:], OPUS[:1] + OPUS[3:]])
def test_a_directory_without_a_needed_file_is_not_a_model(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, missing in enumerate(names):
        directory = lay(tmp_path / str(number), *(name for name in names if name != missing))
        with pytest.raises(ModelError, match="holds no model in a known format"):
            identify(directory)


def test_the_error_lists_the_files_of_each_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"opus needs model/model\.bin, sentencepiece\.model"):
        identify(tmp_path)


def test_languages_are_read_from_the_metadata(tmp_path: Path) -> None:
    directory = tmp_path / "opus-en-es"
    directory.mkdir()
    (directory / "metadata.json").write_text(json.dumps({"from_code": "zh", "to_code": "en"}))
    assert language_pair(directory) == ("zh", "en")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"from_code": "zh"}', "\x00"])
def test_without_usable_metadata_languages_are_read_from_the_directory_name(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "translate-zh_en-1_9"
    directory.mkdir()
    (directory / "metadata.json").write_text(text)
    assert language_pair(directory) == ("zh", "en")


codes = st.text(string.ascii_lowercase, min_size=2, max_size=3)


@given(codes, codes, st.sampled_from(["opus-{}-{}", "{}_{}", "{}-{}", "translate-{}_{}-1_9", "opus-mt-{}-{}"]))
def test_common_spellings_of_a_language_pair_are_read(source: str, target: str, spelling: str) -> None:
    assert language_pair(Path("/nowhere") / spelling.format(source, target)) == (source, target)


def test_a_directory_without_languages_is_refused() -> None:
    with pytest.raises(ModelError, match="name it opus-SOURCE-TARGET"):
        language_pair(Path("/nowhere/model"))
