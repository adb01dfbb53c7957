from collections.abc import Collection

import pytest

from backend.errors import ModelError
from stt_worker.recognizers.onnx.families import FAMILIES, find_family, model_files, model_languages

PARAKEET = ["decoder.int8.onnx", "encoder.int8.onnx", "joiner.int8.onnx", "tokens.txt"]
MOONSHINE = [
    "cached_decode.int8.onnx",
    "encode.int8.onnx",
    "preprocess.onnx",
    "tokens.txt",
    "uncached_decode.int8.onnx",
]
CANARY = ["decoder.int8.onnx", "encoder.int8.onnx", "tokens.txt"]
ONE = ["model.int8.onnx", "model.onnx", "tokens.txt"]


@pytest.mark.parametrize(
    ("model", "files", "family"),
    [
        ("sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8", PARAKEET, "transducer"),
        ("my-model", PARAKEET, "transducer"),
        ("my-model", MOONSHINE, "moonshine"),
        ("my-model", ["decoder_model_merged.ort", "encoder_model.ort", "tokens.txt"], "moonshine-v2"),
        ("sherpa-onnx-nemo-canary-180m-flash-en-es-de-fr-int8", CANARY, "canary"),
        ("sherpa-onnx-sense-voice-zh-en-ja-ko-yue-int8-2024-07-17", ONE, "sense-voice"),
        ("sherpa-onnx-zipformer-ctc-zh-int8-2025-07-03", ONE, "zipformer-ctc"),
        ("sherpa-onnx-nemo-parakeet_tdt_ctc_110m-en-36000-int8", ONE, "nemo-ctc"),
    ],
)
def test_the_family_is_known_by_files_and_name(model: str, files: list[str], family: str) -> None:
    assert find_family("auto", model, files).name == family


@pytest.mark.parametrize(
    ("model", "files", "entry", "family"),
    [
        ("my-model", PARAKEET, "decode_chunk_len", "streaming-transducer"),
        ("my-model", PARAKEET, "chunk_shift", "streaming-transducer"),
        ("my-model", ONE, "decode_chunk_len", "streaming-zipformer-ctc"),
        ("sherpa-onnx-nemo-parakeet", ONE, "chunk_shift", "streaming-nemo-ctc"),
        ("sherpa-onnx-streaming-paraformer-bilingual-zh-en", CANARY, None, "streaming-paraformer"),
        ("sherpa-onnx-streaming-t-one-russian-2025-09-08", ONE, None, "streaming-t-one-ctc"),
        ("streaming-parakeet", PARAKEET, None, "transducer"),
    ],
)
def test_metadata_tell_a_streaming_model_and_names_tell_the_others(
    model: str, files: list[str], entry: str | None, family: str
) -> None:
    assert find_family("auto", model, files, {entry} if entry else ()).name == family


@pytest.mark.parametrize(
    ("setting", "metadata"),
    [
        ("streaming-transducer", ()),
        ("transducer", {"decode_chunk_len"}),
        ("streaming-nemo-ctc", {"decode_chunk_len"}),
        ("nemo-ctc", {"chunk_shift"}),
    ],
)
def test_a_setting_that_contradicts_the_metadata_is_an_error(setting: str, metadata: Collection[str]) -> None:
    """sherpa-onnx ends the process when it loads a model as one of another family."""
    with pytest.raises(ModelError, match=f"my-model are not those of the family {setting}"):
        find_family(setting, "my-model", PARAKEET, metadata)


@pytest.mark.parametrize(("model", "files"), [("my-model", ONE), ("my-model", CANARY), ("parakeet", ["tokens.txt"])])
def test_an_unknown_model_needs_a_setting(model: str, files: list[str]) -> None:
    with pytest.raises(ModelError, match="set STT_ONNX_FAMILY to one of streaming-transducer, "):
        find_family("auto", model, files)
    assert find_family("nemo-ctc", model, files).name == "nemo-ctc"


def test_a_setting_that_names_no_family_is_an_error() -> None:
    with pytest.raises(ModelError, match="STT_ONNX_FAMILY"):
        find_family("whisper.cpp", "parakeet", PARAKEET)


def test_a_cpu_takes_the_quantized_version_of_a_model() -> None:
    family = find_family("sense-voice", "", ONE)
    assert model_files(family, ONE, quantized=True) == {"model": "model.int8.onnx"}
    assert model_files(family, ONE, quantized=False) == {"model": "model.onnx"}
    assert model_files(family, ["model.onnx"], quantized=True) == {"model": "model.onnx"}


def test_the_encoder_of_moonshine_is_not_its_preprocessor() -> None:
    family = find_family("auto", "", MOONSHINE)
    assert model_files(family, MOONSHINE, quantized=True) == {
        "preprocessor": "preprocess.onnx",
        "encoder": "encode.int8.onnx",
        "uncached_decoder": "uncached_decode.int8.onnx",
        "cached_decoder": "cached_decode.int8.onnx",
    }


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match=r"no file \*joiner\*\.onnx"):
        model_files(FAMILIES[0], CANARY, quantized=True)


@pytest.mark.parametrize(
    ("model", "languages"),
    [
        ("sherpa-onnx-nemo-parakeet-tdt-0.6b-v2-int8", {"en"}),
        ("sherpa-onnx-sense-voice-zh-en-ja-ko-yue-int8-2024-07-17", {"zh", "en", "ja", "ko", "yue"}),
        ("sherpa-onnx-zipformer-ru-2024-09-18", {"ru"}),
        ("sherpa-onnx-moonshine-tiny-ja-quantized", {"ja"}),
        ("sherpa-onnx-moonshine-base-int8", {"en"}),
        ("my-model", None),
    ],
)
def test_languages_are_known_by_name(model: str, languages: set[str] | None) -> None:
    assert model_languages("auto", model) == languages


def test_parakeet_v3_recognizes_25_languages() -> None:
    languages = model_languages("auto", "sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8")
    assert languages is not None
    assert len(languages) == 25
    assert {"de", "uk"} <= languages


def test_languages_can_be_set() -> None:
    assert model_languages("de, fr", "my-model") == frozenset({"de", "fr"})
    with pytest.raises(ModelError, match="unknown codes: xx"):
        model_languages("de,xx", "my-model")
