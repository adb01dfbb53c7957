"""A small transducer in ONNX format that writes a Chinese character for each tone: 低, 中, and 高 or 糕.

It has the inputs and outputs of an offline Zipformer. 高 and 糕 sound alike, and the first is a little more probable,
so that the effect of hotwords shows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.testkit.models.tone_model import BANDS, FRAMES_PER_STEP

SYMBOLS = ("<blk>", "低", "中", "高", "糕")
# The band of each symbol but the first, and how much less probable the last one is.
BAND_OF, DISADVANTAGE = (0, 1, 2, 2), 1.0
NEVER = -1_000.0
# Element type and dimensions.
ValueType = tuple[int, Sequence[str | int | None]]
# Log energy of a mel band that counts as sound. The click at the end of a tone has less, and silence has -16.
THRESHOLD = 2.5


def write_tone_transducer(directory: Path) -> Path:
    """Write encoder.onnx, decoder.onnx, joiner.onnx and tokens.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, model in (("encoder", _encoder()), ("decoder", _decoder()), ("joiner", _joiner())):
        onnx.save(model, directory / f"{name}.onnx")
    (directory / "tokens.txt").write_text("".join(f"{symbol} {i}\n" for i, symbol in enumerate(SYMBOLS)))
    return directory


def _encoder() -> onnx.ModelProto:
    """The score of a symbol is the loudest mel of its band; that of the blank is the threshold."""
    names = [f"band{i}" for i in range(len(BANDS))]
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis", "step"], ["frames"]),
        helper.make_node("Split", ["frames", "bands"], names, axis=2),
        *(helper.make_node("ReduceMax", [name], [f"{name}_max"], axes=[2]) for name in names),
        helper.make_node("Mul", ["band0_max", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "threshold"], ["blank"]),
        helper.make_node("Concat", ["blank", *(f"band{band}_max" for band in BAND_OF)], ["scores"], axis=2),
        helper.make_node("Add", ["scores", "advantages"], ["encoder_out"]),
        helper.make_node("Add", ["x_lens", "round_up"], ["padded"]),
        helper.make_node("Div", ["padded", "step"], ["encoder_out_lens"]),
    ]
    integers = {"start": [0], "end": [2**31], "axis": [1], "step": [FRAMES_PER_STEP], "bands": BANDS}
    integers["round_up"] = [FRAMES_PER_STEP - 1]
    floats = {"zero": [0.0], "threshold": [THRESHOLD], "advantages": [0.0] * (len(SYMBOLS) - 1) + [-DISADVANTAGE]}
    return _model(
        nodes,
        {"x": (TensorProto.FLOAT, ["N", "T", 80]), "x_lens": (TensorProto.INT64, ["N"])},
        {"encoder_out": (TensorProto.FLOAT, ["N", "S", len(SYMBOLS)]), "encoder_out_lens": (TensorProto.INT64, ["N"])},
        [helper.make_tensor(name, TensorProto.INT64, [len(values)], values) for name, values in integers.items()]
        + [helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values) for name, values in floats.items()],
        {"model_type": "zipformer2"},
    )


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
    described: dict[str, object],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "tones", _values(inputs), _values(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in described.items()})
    return model


def _values(types: Mapping[str, ValueType]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in types.items()]
