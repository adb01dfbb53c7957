"""A small model in ONNX format that recognizes tones: it writes "low", "middle" or "high" at the start of each.

It has the inputs and outputs of NeMo's CTC models (Parakeet-CTC), so that a recognizer is tested from features to
text, with a result that is known, where no weights of such a model can be downloaded.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

RATE = 16_000
# One frequency in each band of the model, in Hz.
TONES = {"low": 200, "middle": 2_000, "high": 5_000}
TONE_S = PAUSE_S = 0.5
# Log energy of a mel band that counts as sound. That of silence is -16.
THRESHOLD = -4.0
# Mel bands of the 80 that belong to each tone.
BANDS = (27, 27, 26)
FRAMES_PER_STEP = 4
# Frames of 10 ms that the streaming model takes at a time, and the shape of its caches, which it does not use.
CHUNK, CACHE = 16, (1, 1, 1)


def write_tone_model(directory: Path, *, streaming: bool = False) -> Path:
    """Write model.onnx and tokens.txt. The name of the directory tells the recognizer which family it is."""
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(_model(streaming=streaming), directory / "model.onnx")
    symbols = [*(f"▁{name}" for name in TONES), "<blk>"]
    (directory / "tokens.txt").write_text("".join(f"{symbol} {i}\n" for i, symbol in enumerate(symbols)))
    return directory


def tones(*names: str) -> NDArray[np.float32]:
    """Samples of these tones, each after a pause, and a pause at the end."""
    times = np.arange(round(TONE_S * RATE)) / RATE
    pause = np.zeros(round(PAUSE_S * RATE))
    sounds = [part for name in names for part in (pause, 0.5 * np.sin(2 * np.pi * TONES[name] * times))]
    return np.concatenate([*sounds, pause]).astype(np.float32)


def _model(*, streaming: bool) -> onnx.ModelProto:
    """The score of a tone is the loudest mel of its band; that of the blank is the threshold."""
    bands, loudest = list(TONES), [f"{name}_loudest" for name in TONES]
    nodes = [
        helper.make_node("Slice", ["audio_signal", "start", "end", "time", "step"], ["frames"]),
        helper.make_node("Split", ["frames", "bands"], bands, axis=1),
        *(helper.make_node("ReduceMax", [band], [most], axes=[1]) for band, most in zip(bands, loudest, strict=True)),
        helper.make_node("Mul", [loudest[0], "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "threshold"], ["blank"]),
        helper.make_node("Concat", [*loudest, "blank"], ["scores"], axis=1),
        helper.make_node("Transpose", ["scores"], ["by_frame"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["by_frame"], ["logprobs"], axis=-1),
    ]
    integers = {"start": [0], "end": [2**31], "time": [2], "step": [FRAMES_PER_STEP], "bands": list(BANDS)}
    constants = [helper.make_tensor(name, TensorProto.INT64, [len(v)], v) for name, v in integers.items()]
    constants += [
        helper.make_tensor(name, TensorProto.FLOAT, [1], [value])
        for name, value in (("zero", 0.0), ("threshold", THRESHOLD))
    ]
    inputs = [
        helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["batch", 80, "time"]),
        helper.make_tensor_value_info("length", TensorProto.INT64, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, ["batch", "steps", len(TONES) + 1])]
    described = {"vocab_size": len(TONES), "normalize_type": "", "subsampling_factor": FRAMES_PER_STEP}
    if streaming:
        described |= _add_caches(nodes, inputs, outputs)
    graph = helper.make_graph(nodes, "tones", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in described.items()})
    return model


def _add_caches(
    nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
) -> dict[str, int]:
    """Add what NeMo's streaming models have: caches that go in and out, and the length. Returns their description."""
    shape: list[str | int | None] = ["batch", *CACHE]
    types = {"channel": (TensorProto.FLOAT, shape), "time": (TensorProto.FLOAT, shape)}
    types["channel_len"] = (TensorProto.INT64, ["batch"])
    nodes.append(helper.make_node("Identity", ["length"], ["encoded_lengths"]))
    outputs.append(helper.make_tensor_value_info("encoded_lengths", TensorProto.INT64, ["batch"]))
    for name, (kind, dimensions) in types.items():
        nodes.append(helper.make_node("Identity", [f"cache_last_{name}"], [f"cache_last_{name}_next"]))
        inputs.append(helper.make_tensor_value_info(f"cache_last_{name}", kind, dimensions))
        outputs.append(helper.make_tensor_value_info(f"cache_last_{name}_next", kind, dimensions))
    sizes = {f"cache_last_{name}_dim{i}": size for name in ("channel", "time") for i, size in enumerate(CACHE, 1)}
    return {"window_size": CHUNK, "chunk_shift": CHUNK, **sizes}
