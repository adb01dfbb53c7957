"""Write a Whisper model of CTranslate2 in the format of the package transformers.

The recognizer on PyTorch is thus tested with real weights and real speech where no hub is reachable. Weights of 8 bits
become the numbers that CTranslate2 computes with, so both recognizers have the same model.
"""

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# The numbers of types in the files of CTranslate2, and those of its fused projections that transformers has apart.
TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
SELF_ATTENTION = {"linear_0": ("q_proj", "k_proj", "v_proj"), "linear_1": ("out_proj",)}
CROSS_ATTENTION = {"linear_0": ("q_proj",), "linear_1": ("k_proj", "v_proj"), "linear_2": ("out_proj",)}
NORMS = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "attention/layer_norm": "encoder_attn_layer_norm",
    "ffn/layer_norm": "final_layer_norm",
}
Arrays = dict[str, NDArray[np.float32]]


def write_transformers_model(source: Path, out: Path) -> Path:
    """Write the model in `source` as config.json, generation_config.json, tokenizer.json and model.safetensors."""
    from safetensors.numpy import save_file

    arrays = read_arrays(source / "model.bin")
    weights = dict(_renamed(arrays))
    out.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"model.{name}": np.ascontiguousarray(array) for name, array in weights.items()}, out / "model.safetensors"
    )
    described = json.loads((source / "config.json").read_bytes())
    (out / "config.json").write_text(json.dumps(_config(weights, int(arrays["decoder/num_heads"]))))
    (out / "generation_config.json").write_text(json.dumps({"alignment_heads": described["alignment_heads"]}))
    shutil.copy(source / "tokenizer.json", out)
    return out


def read_arrays(file: Path) -> Arrays:
    """Read model.bin: each array in single precision, without the factors of quantized weights."""
    with file.open("rb") as stream:
        version = _number(stream, "<I")
        assert version == 6, f"model.bin has the version {version}"
        _text(stream)
        _number(stream, "<I")
        arrays = dict(_array(stream) for _ in range(_number(stream, "<I")))
    scales = {name.removesuffix("_scale"): array for name, array in arrays.items() if name.endswith("weight_scale")}
    return {
        name: array / scales[name].reshape(-1, *[1] * (array.ndim - 1)) if name in scales else array
        for name, array in arrays.items()
        if not name.endswith("weight_scale")
    }


def _array(stream: BinaryIO) -> tuple[str, NDArray[np.float32]]:
    name = _text(stream)
    shape = [_number(stream, "<I") for _ in range(_number(stream, "B"))]
    kind, size = TYPES[_number(stream, "B")], _number(stream, "<I")
    return name, np.frombuffer(stream.read(size), kind).reshape(shape).astype(np.float32)


def _number(stream: BinaryIO, kind: str) -> int:
    (number,) = struct.unpack(kind, stream.read(struct.calcsize(kind)))
    return int(number)


def _text(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "<H"))[:-1].decode()


def _renamed(arrays: Arrays) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name, array in arrays.items():
        side, _, rest = name.partition("/")
        layer, _, part = rest.partition("/")
        if layer.startswith("layer_") and "/" in part:
            prefix = f"{side}.layers.{layer.removeprefix('layer_')}"
            yield from ((f"{prefix}.{own}", values) for own, values in _of_layer(part, array))
        elif rest.startswith("layer_norm"):
            yield f"{side}.{_norm(rest)}", array
        elif rest.startswith("conv"):
            yield f"{side}.{rest.replace('/', '.')}", array
        elif rest == "position_encodings/encodings":
            yield f"{side}.embed_positions.weight", array
        elif rest == "embeddings/weight":
            yield f"{side}.embed_tokens.weight", array


def _of_layer(part: str, array: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    block, inner, kind = part.split("/")
    if inner == "layer_norm":
        yield f"{NORMS[f'{block}/{inner}']}.{_norm(f'{inner}/{kind}').partition('.')[2]}", array
    elif block == "ffn":
        yield f"fc{1 + int(inner[-1])}.{kind}", array
    else:
        fused, prefix = (CROSS_ATTENTION, "encoder_attn") if block == "attention" else (SELF_ATTENTION, "self_attn")
        for own, values in zip(fused[inner], np.split(array, len(fused[inner])), strict=True):
            if (own, kind) != ("k_proj", "bias"):  # zeros, which Whisper does not have
                yield f"{prefix}.{own}.{kind}", values


def _norm(name: str) -> str:
    return name.replace("/gamma", ".weight").replace("/beta", ".bias")


def _config(weights: Arrays, heads: int) -> dict[str, object]:
    width, mels, _ = weights["encoder.conv1.weight"].shape
    return {
        "model_type": "whisper",
        "d_model": width,
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_layers": sum(name.startswith("encoder.") and name.endswith("fc1.bias") for name in weights),
        "decoder_layers": sum(name.startswith("decoder.") and name.endswith("fc1.bias") for name in weights),
        "num_mel_bins": mels,
        "vocab_size": len(weights["decoder.embed_tokens.weight"]),
        "max_source_positions": len(weights["encoder.embed_positions.weight"]),
        "max_target_positions": len(weights["decoder.embed_positions.weight"]),
    }
