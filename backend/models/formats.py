"""Identify the kind of a model, and the languages of an OPUS model, from the files in its directory."""

import json
import re
from pathlib import Path

from backend.errors import ModelError
from backend.models.specs import ModelKind

# The name in the catalogue's source, and one for a model of another source.
VOICE_FILES = ("3dspeaker_speech_campplus_sv_zh_en_16k-common_advanced.onnx", "voices.onnx")
DENOISE_FILES = ("gtcrn_simple.onnx",)
# The files that each kind needs; of the names in one tuple, any one is enough.
_FORMATS: tuple[tuple[ModelKind, tuple[tuple[str, ...], ...]], ...] = (
    ("whisper", (("model.bin",), ("config.json",), ("tokenizer.json",), ("vocabulary.txt", "vocabulary.json"))),
    (
        "whisper-transformers",
        (("model.safetensors", "model.safetensors.index.json"), ("config.json",), ("tokenizer.json",)),
    ),
    ("sherpa-onnx", (("tokens.txt",),)),
    ("nllb", (("model.bin",), ("shared_vocabulary.txt", "shared_vocabulary.json"), ("sentencepiece.bpe.model",))),
    ("opus", (("model/model.bin",), ("sentencepiece.model",))),
    ("turns", (("smart-turn.onnx",),)),
    ("voices", (VOICE_FILES,)),
    ("noise", (DENOISE_FILES,)),
)

# opus-zh-en, zh_en, translate-zh_en-1_9
_PAIR = re.compile(r"(?:^|-)([a-z]{2,3})[-_]([a-z]{2,3})(?:-\d+_\d+)?$")


def identify(directory: Path) -> ModelKind:
    """Return the kind of a model directory.

    CTranslate2 for whisper and nllb, an unpacked Argos package for opus, ONNX for turns, voices and noise. A model
    of sherpa-onnx has various files of weights, and always its tokens.

    Raises ModelError, with the files that each kind needs, when the directory holds none of them.
    """
    for kind, needed in _FORMATS:
        if all(any((directory / name).is_file() for name in names) for names in needed):
            return kind
    formats = "; ".join(
        f"{kind} needs " + ", ".join(" or ".join(names) for names in needed) for kind, needed in _FORMATS
    )
    raise ModelError(f"{directory} holds no model in a known format: {formats}")


def language_pair(directory: Path) -> tuple[str, str]:
    """Return the source and target language of an opus directory, such as ("zh", "en").

    Reads metadata.json; falls back to the directory's name. Raises ModelError when neither gives the languages.
    """
    try:
        metadata = json.loads((directory / "metadata.json").read_bytes())
        return str(metadata["from_code"]), str(metadata["to_code"])
    except (OSError, ValueError, KeyError, TypeError):
        named = _PAIR.search(directory.resolve().name)
        if named is None:
            raise ModelError(f"{directory} does not state its languages: name it opus-SOURCE-TARGET") from None
        return named[1], named[2]
