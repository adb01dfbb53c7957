"""The families of models that sherpa-onnx runs: their files, their languages, and what they can do. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from backend.errors import ModelError
from backend.messages.languages import LANGUAGES

_CODES = frozenset(language.whisper for language in LANGUAGES if language.whisper)
_EUROPEAN = "bg hr cs da nl en et fi fr de el hu it lv lt mt pl pt ro sk sl es sv ru uk"
# Languages by a part of the name of a model, the first that fits. Other names by sherpa-onnx contain the codes.
LANGUAGES_BY_NAME: tuple[tuple[str, str], ...] = (
    ("parakeet-tdt-0.6b-v3", _EUROPEAN),
    ("canary-1b-v2", _EUROPEAN),
    ("canary", "en es de fr"),
    ("parakeet-tdt_ctc-0.6b-ja", "ja"),
    ("parakeet", "en"),
    ("giga-am", "ru"),
    ("gigaam", "ru"),
    ("sense-voice", "zh en ja ko yue"),
    ("sensevoice", "zh en ja ko yue"),
)


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """`files`: patterns by the argument of `OfflineRecognizer.from_<constructor>`. `named`: parts of models' names.

    `aligned`: each token is written at the time of its sound. Such a model reports times, and does not repeat a text
    that was said once. The others write freely, as Whisper does. `translates`: whether it can write English for speech
    in other languages. `online`: it decodes incrementally; its constructor is one of `OnlineRecognizer`. `metadata`:
    entries; each of its models has one, and only models that decode incrementally have them. `hotwords`: whether it can
    prefer given words. `arguments`: further arguments of the constructor.
    """

    name: str
    constructor: str
    files: Mapping[str, str]
    named: tuple[str, ...] = ()
    aligned: bool = True
    translates: bool = False
    online: bool = False
    metadata: tuple[str, ...] = ()
    hotwords: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


_ONE = "model*.onnx"
_PAIR = {"encoder": "*encoder*.onnx", "decoder": "*decoder*.onnx"}
_ANY = "*.onnx"
# Metadata of Zipformer, LSTM and Conformer, and of NeMo's models. Without them, sherpa-onnx ends the process.
_CHUNKS, _NEMO_CHUNKS = "decode_chunk_len", "chunk_shift"
STREAMING_METADATA = (_CHUNKS, _NEMO_CHUNKS)
_STREAMING: tuple[ModelFamily, ...] = (
    ModelFamily(
        "streaming-transducer",
        "transducer",
        {**_PAIR, "joiner": "*joiner*.onnx"},
        online=True,
        metadata=STREAMING_METADATA,
        hotwords=True,
    ),
    ModelFamily("streaming-paraformer", "paraformer", _PAIR, ("streaming-paraformer",), online=True),
    ModelFamily("streaming-nemo-ctc", "nemo_ctc", {"model": _ANY}, online=True, metadata=(_NEMO_CHUNKS,)),
    ModelFamily("streaming-t-one-ctc", "t_one_ctc", {"model": _ANY}, ("streaming-t-one",), online=True),
    ModelFamily("streaming-zipformer-ctc", "zipformer2_ctc", {"model": _ANY}, online=True, metadata=(_CHUNKS,)),
)
FAMILIES: tuple[ModelFamily, ...] = (
    *_STREAMING,
    # Zipformer and Parakeet; an empty type makes sherpa-onnx read it from the model.
    ModelFamily(
        "transducer", "transducer", {**_PAIR, "joiner": "*joiner*.onnx"}, hotwords=True, arguments={"model_type": ""}
    ),
    ModelFamily(
        "moonshine",
        "moonshine",
        {
            "preprocessor": "preprocess*.onnx",
            "encoder": "encode*.onnx",
            "uncached_decoder": "uncached_decode*.onnx",
            "cached_decoder": "cached_decode*.onnx",
        },
        aligned=False,
    ),
    ModelFamily("moonshine-v2", "moonshine_v2", {"encoder": "encoder*.ort", "decoder": "decoder*.ort"}, aligned=False),
    ModelFamily("canary", "nemo_canary", _PAIR, ("canary",), aligned=False, translates=True),
    ModelFamily("fire-red", "fire_red_asr", _PAIR, ("fire-red", "firered"), aligned=False),
    ModelFamily(
        "sense-voice", "sense_voice", {"model": _ONE}, ("sense-voice", "sensevoice"), arguments={"use_itn": True}
    ),
    ModelFamily("paraformer", "paraformer", {"paraformer": _ONE}, ("paraformer",)),
    ModelFamily("zipformer-ctc", "zipformer_ctc", {"model": _ONE}, ("zipformer",)),
    ModelFamily("dolphin-ctc", "dolphin_ctc", {"model": _ONE}, ("dolphin",)),
    ModelFamily("nemo-ctc", "nemo_ctc", {"model": _ONE}, ("nemo", "parakeet", "giga-am", "gigaam", "conformer-ctc")),
)


def find_family(setting: str, model: str, files: Sequence[str], metadata: Collection[str] = ()) -> ModelFamily:
    """Return the family that a setting names, or with "auto" the one that fits the files and the model's name.

    `metadata`: those of STREAMING_METADATA that the files have. Raises ModelError if no family fits, or if the named
    one does not fit the metadata.
    """
    if setting != "auto":
        found = next((family for family in FAMILIES if family.name == setting), None)
        if found and not _suits(found, metadata):
            raise ModelError(f"the metadata of the model {model} are not those of the family {setting}")
    else:
        name = model.lower()
        fitting = (family for family in FAMILIES if _fits(family, files) and _suits(family, metadata))
        found = next((f for f in fitting if not f.named or any(part in name for part in f.named)), None)
    if found is None:
        known = ", ".join(family.name for family in FAMILIES)
        raise ModelError(f"cannot tell the family of the model {model}: set STT_ONNX_FAMILY to one of {known}")
    return found


def model_files(family: ModelFamily, files: Sequence[str], *, quantized: bool) -> dict[str, str]:
    """Choose a file for each argument; of two versions of a model, the quantized one if that is wanted.

    Raises ModelError, with the pattern, if one is missing.
    """
    return {argument: _choose(pattern, files, quantized) for argument, pattern in family.files.items()}


def model_languages(setting: str, model: str) -> frozenset[str] | None:
    """The languages that a setting names, or with "auto" those of models with this name. None: unknown.

    Raises ModelError for a code that is not Whisper's.
    """
    name = model.lower()
    if setting == "auto":
        named = next((languages for part, languages in LANGUAGES_BY_NAME if part in name), None)
        parts = re.split(r"[-_]", name) if name.startswith("sherpa-onnx-") else []
        codes = frozenset(named.split() if named else _CODES.intersection(parts))
        return codes or (frozenset({"en"}) if "moonshine" in name else None)
    codes = frozenset(code.strip() for code in setting.split(","))
    if unknown := codes - _CODES:
        raise ModelError(f"STT_ONNX_LANGUAGES has unknown codes: {', '.join(sorted(unknown))}")
    return codes


def _fits(family: ModelFamily, files: Sequence[str]) -> bool:
    return all(any(fnmatch(file, pattern) for file in files) for pattern in family.files.values())


def _suits(family: ModelFamily, metadata: Collection[str]) -> bool:
    """Whether the metadata are those of a family. Those of some streaming families are unknown."""
    if family.metadata:
        return not set(metadata).isdisjoint(family.metadata)
    return family.online or not metadata


def _choose(pattern: str, files: Sequence[str], quantized: bool) -> str:
    found = sorted(file for file in files if fnmatch(file, pattern))
    if not found:
        raise ModelError(f"the model has no file {pattern}")
    return next((file for file in found if ("int8" in file) == quantized), found[0])
