"""A small transducer in ONNX format that writes a Chinese character for each tone: 低, 中, and 高 or 糕.

It has the inputs and outputs of an offline or a streaming Zipformer. 高 and 糕 sound alike, and the first is a little
more probable, so that the effect of hotwords shows. The streaming one keeps each chunk of audio in a state, and writes
it when the next one arrives. So text is missing if a state is lost or mixed up.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.testkit.models.tone_model import BANDS, CHUNK, FRAMES_PER_STEP

SYMBOLS = ("<blk>", "低", "中", "高", "糕")
# The band of each symbol but the first, and how much less probable the last one is.
BAND_OF, DISADVANTAGE = (0, 1, 2, 2), 1.0
NEVER = -1_000.0
# Element type and dimensions.
ValueType = tuple[int, Sequence[str | int | None]]
# Log energy of a mel band that counts as sound. The click at the end of a tone has less, and silence has -16.
THRESHOLD = 2.5
# Metadata of a streaming Zipformer. They give the sizes of its states, and only that of one state is used.
ZIPFORMER = {
    "encoder_dims": len(SYMBOLS),
    "query_head_dims": 1,
    "value_head_dims": 1,
    "num_heads": 1,
    "num_encoder_layers": 1,
    "cnn_module_kernels": 2 * CHUNK // FRAMES_PER_STEP,
    "left_context_len": 1,
    "T": CHUNK,
    "decode_chunk_len": CHUNK,
}
# Added to the zeros of a new state, so that it means silence.
SILENCE = (5.0, *[0.0] * (len(SYMBOLS) - 1))


def write_tone_transducer(directory: Path, *, streaming: bool = False) -> Path:
    """Write encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    encoder = _streaming_encoder() if streaming else _encoder()
    for name, model in (("encoder", encoder), ("decoder", _decoder()), ("joiner", _joiner())):
        onnx.save(model, directory / f"{name}.onnx")
    (directory / "tokens.txt").write_text("".join(f"{symbol} {i}\n" for i, symbol in enumerate(SYMBOLS)))
    return directory


def _encoder() -> onnx.ModelProto:
    nodes, constants = _scores()
    nodes += [
        helper.make_node("Identity", ["scores"], ["encoder_out"]),
        helper.make_node("Add", ["x_lens", "round_up"], ["padded"]),
        helper.make_node("Div", ["padded", "step"], ["encoder_out_lens"]),
    ]
    constants.append(helper.make_tensor("round_up", TensorProto.INT64, [1], [FRAMES_PER_STEP - 1]))
    return _model(
        nodes,
        {"x": (TensorProto.FLOAT, ["N", "T", 80]), "x_lens": (TensorProto.INT64, ["N"])},
        {"encoder_out": (TensorProto.FLOAT, ["N", "S", len(SYMBOLS)]), "encoder_out_lens": (TensorProto.INT64, ["N"])},
        constants,
        {"model_type": "zipformer2"},
    )


def _streaming_encoder() -> onnx.ModelProto:
    """The scores of each chunk go into a state, and those of the chunk before come out of it."""
    nodes, constants = _scores()
    states = _states()
    kept = "cached_conv1_0"
    nodes += [
        helper.make_node("Transpose", [kept], ["kept"], perm=[0, 2, 1]),
        helper.make_node("Add", ["kept", "silence"], ["encoder_out"]),
        helper.make_node("Sub", ["scores", "silence"], ["change"]),
        helper.make_node("Transpose", ["change"], [f"new_{kept}"], perm=[0, 2, 1]),
        *(helper.make_node("Identity", [name], [f"new_{name}"]) for name in states if name != kept),
    ]
    constants.append(helper.make_tensor("silence", TensorProto.FLOAT, [len(SILENCE)], SILENCE))
    steps: ValueType = (TensorProto.FLOAT, ["N", CHUNK // FRAMES_PER_STEP, len(SYMBOLS)])
    return _model(
        nodes,
        {"x": (TensorProto.FLOAT, ["N", CHUNK, 80]), **states},
        {"encoder_out": steps, **{f"new_{name}": value for name, value in states.items()}},
        constants,
        {"model_type": "zipformer2", **ZIPFORMER},
    )


def _states() -> dict[str, ValueType]:
    """The states of a Zipformer with one layer, in order."""
    size = len(SYMBOLS)
    convolution: ValueType = (TensorProto.FLOAT, ["N", size, CHUNK // FRAMES_PER_STEP])
    value: ValueType = (TensorProto.FLOAT, [1, "N", 1])
    return {
        "cached_key_0": value,
        "cached_nonlin_attn_0": (TensorProto.FLOAT, [1, "N", 1, 3 * size // 4]),
        "cached_val1_0": value,
        "cached_val2_0": value,
        "cached_conv1_0": convolution,
        "cached_conv2_0": convolution,
        "embed_states": (TensorProto.FLOAT, ["N", 128, 3, 19]),
        "processed_lens": (TensorProto.INT64, ["N"]),
    }


def _scores() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The score of a symbol is the loudest mel of its band; that of the blank is the threshold."""
    names = [f"band{i}" for i in range(len(BANDS))]
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis", "step"], ["frames"]),
        helper.make_node("Split", ["frames", "bands"], names, axis=2),
        *(helper.make_node("ReduceMax", [name], [f"{name}_max"], axes=[2]) for name in names),
        helper.make_node("Mul", ["band0_max", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "threshold"], ["blank"]),
        helper.make_node("Concat", ["blank", *(f"band{band}_max" for band in BAND_OF)], ["equal"], axis=2),
        helper.make_node("Add", ["equal", "advantages"], ["scores"]),
    ]
    integers = {"start": [0], "end": [2**31], "axis": [1], "step": [FRAMES_PER_STEP], "bands": BANDS}
    floats = {"zero": [0.0], "threshold": [THRESHOLD], "advantages": [0.0] * (len(SYMBOLS) - 1) + [-DISADVANTAGE]}
    constants = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values) for name, values in integers.items()
    ]
    constants += [helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values) for name, values in floats.items()]
    return nodes, constants


def _decoder() -> onnx.ModelProto:
    """After a symbol, no symbol of the same band follows, so that a long tone is written once."""
    bands = np.array([-1, *BAND_OF])
    rows = np.where((bands[:, None] == bands[None, :]) & (bands[:, None] >= 0), NEVER, 0.0).astype(np.float32)
    nodes = [
        helper.make_node("Slice", ["y", "last", "end", "axis"], ["newest"]),
        helper.make_node("Squeeze", ["newest", "axis"], ["symbol"]),
        helper.make_node("Gather", ["rows", "symbol"], ["decoder_out"]),
    ]
    integers = {"last": [-1], "end": [2**31], "axis": [1]}
    tensors = [helper.make_tensor(name, TensorProto.INT64, [1], values) for name, values in integers.items()]
    tensors.append(helper.make_tensor("rows", TensorProto.FLOAT, rows.shape, rows.ravel()))
    return _model(
        nodes,
        {"y": (TensorProto.INT64, ["N", 2])},
        {"decoder_out": (TensorProto.FLOAT, ["N", len(SYMBOLS)])},
        tensors,
        {"vocab_size": len(SYMBOLS), "context_size": 2},
    )


def _joiner() -> onnx.ModelProto:
    shape: ValueType = (TensorProto.FLOAT, ["N", len(SYMBOLS)])
    nodes = [helper.make_node("Add", ["encoder_out", "decoder_out"], ["logit"])]
    inputs = {"encoder_out": shape, "decoder_out": shape}
    return _model(nodes, inputs, {"logit": shape}, [], {"joiner_dim": len(SYMBOLS)})


def _model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, ValueType],
    outputs: Mapping[str, ValueType],
    constants: list[onnx.TensorProto],
    described: Mapping[str, object],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "tones", _values(inputs), _values(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in described.items()})
    return model


def _values(types: Mapping[str, ValueType]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in types.items()]
