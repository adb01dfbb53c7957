"""Adds punctuation to the texts of models that write none, with a model that sherpa-onnx runs."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

import sherpa_onnx
import structlog

from backend.errors import ModelError
from backend.text.normalize import letters
from stt_worker.onnx_session import open_onnx
from stt_worker.recognizers.onnx.hotwords import BPE_FILE

log = structlog.get_logger()
_MARKS = re.compile(r"[.,;:?!…。，、；：？！।؟،]")
# A mark for Chinese after a word in Latin letters.
_WIDE = re.compile(r"(?<=[A-Za-z0-9'])([。，、？])\s*")
_NARROW = {"。": ". ", "，": ", ", "、": ", ", "？": "? "}


class Punctuator:
    """One of two kinds of models: CT-Transformer for Chinese and English, or a CNN-BiLSTM for English, with case.

    The latter has a file bpe.vocab. Raises ModelError if the model does not load.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._add = _load(path, threads)
        try:
            self._add("a")  # a file of another kind loads, and fails only here
        except (RuntimeError, ValueError, IndexError) as error:
            raise ModelError(f"cannot run the punctuation model {path.name}") from error
        log.info("punctuation_model_loaded", model=path.name)

    def punctuate(self, text: str) -> str:
        """Return the text with punctuation. One that has some stays as it is, and no letter changes but its case."""
        if not letters(text) or _MARKS.search(text):
            return text
        added = self._add(text.lower() if text.isupper() else text)
        written = _WIDE.sub(lambda mark: _NARROW[mark[1]], added).strip()
        return written if letters(written) == letters(text) else text


def _load(path: Path, threads: int) -> Callable[[str], str]:
    weights = sorted(str(file) for file in path.glob("*.onnx"))
    if not weights:
        raise ModelError(f"there is no punctuation model in {path}")
    # The quantized version is named model.int8.onnx.
    model = next((file for file in weights if "int8" in file), weights[0])
    vocabulary = path / BPE_FILE
    try:
        if vocabulary.is_file():
            return _load_english(model, str(vocabulary), threads)
        return _load_chinese(model, threads)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ModelError(f"cannot load the punctuation model {path.name}") from error


def _load_english(model: str, vocabulary: str, threads: int) -> Callable[[str], str]:
    _check(model, ("COMMA", "PERIOD", "QUESTION", "UPPER", "CAP", "MIX_CASE"))
    kind = sherpa_onnx.OnlinePunctuationModelConfig(cnn_bilstm=model, bpe_vocab=vocabulary, num_threads=threads)
    online = sherpa_onnx.OnlinePunctuation(sherpa_onnx.OnlinePunctuationConfig(model_config=kind))
    add: Callable[[str], str] = online.add_punctuation_with_case
    return add


def _load_chinese(model: str, threads: int) -> Callable[[str], str]:
    _check(model, ("tokens", "vocab_size", "punctuations", "unk_symbol"))
    kind = sherpa_onnx.OfflinePunctuationModelConfig(ct_transformer=model, num_threads=threads)
    offline = sherpa_onnx.OfflinePunctuation(sherpa_onnx.OfflinePunctuationConfig(model=kind))
    add: Callable[[str], str] = offline.add_punctuation
    return add


def _check(model: str, properties: Collection[str]) -> None:
    """Raise ModelError if the model lacks a property. sherpa-onnx would end the process."""
    found = open_onnx(Path(model)).get_modelmeta().custom_metadata_map
    if missing := set(properties).difference(found):
        raise ModelError(f"{model} is no punctuation model: it has no property {', '.join(sorted(missing))}")
