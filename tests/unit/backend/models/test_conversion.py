"""Conversion of official weights."""

import sys
from pathlib import Path

import pytest

from backend.errors import SourceUnavailableError
from backend.models import conversion
from backend.models.specs import ConversionSource, HubSource

NLLB_CONVERSION = ConversionSource(HubSource("facebook/nllb", "0" * 40), files=(), copied=("sentencepiece.bpe.model",))


def test_the_converter_quantizes_and_copies_the_tokenizer(tmp_path: Path) -> None:
    command = conversion.converter_command(NLLB_CONVERSION, tmp_path / "official", tmp_path / "out")
    assert command[:3] == [sys.executable, "-m", "ctranslate2.converters.transformers"]
    options = dict(zip(command[3:-1:2], command[4:-1:2], strict=True))
    assert options == {
        "--model": str(tmp_path / "official"),
        "--output_dir": str(tmp_path / "out"),
        "--quantization": "int8",
        "--copy_files": "sentencepiece.bpe.model",
    }


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_REQUIRED", ("a_missing_module",))
    with pytest.raises(SourceUnavailableError, match=r"needs a_missing_module: pip install 'nova-voice\[convert\]'"):
        conversion.require_extra()


def test_a_failed_conversion_reports_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="the conversion failed: "):
        conversion.convert(NLLB_CONVERSION, tmp_path / "nothing here", tmp_path / "out")
