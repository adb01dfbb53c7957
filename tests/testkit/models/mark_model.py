"""Small models in ONNX format that add a mark after certain words, with the inputs and outputs of sherpa-onnx's models.

No weights of such models can be downloaded for the tests, which test everything around them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

# Words with the mark after them. The others have none.
CHINESE_MARKS = {"了": "。", "吗": "？", "以": "，", "well": "，", "low": "。"}
_CHINESE = ("_", "，", "。", "？", "、")
# Words with the mark and the case that the English model gives them: cases are "", upper and capital.
ENGLISH_MARKS = {"well": (",", "capital"), "yes": (".", ""), "you": ("?", ""), "nasa": ("", "upper")}
_ENGLISH, _CASES = ("", ",", ".", "?"), ("", "upper", "capital", "mixed")
# Names of values with their element type and dimensions.
ValueTypes = Mapping[str, tuple[int, Sequence[str | int | None]]]
_OTHERS = ("the", "are", "low", "middle", "high")


def write_chinese_mark_model(directory: Path) -> Path:
    """Write model.onnx, a CT-Transformer: its tokens are characters, and words in Latin letters."""
    tokens = [*CHINESE_MARKS, "<unk>"]
    rows = np.zeros((len(tokens), len(_CHINESE)), np.float32)
    rows[range(len(tokens)), [_CHINESE.index(CHINESE_MARKS.get(token, "_")) for token in tokens]] = 1.0
    nodes = [helper.make_node("Gather", ["rows", "inputs"], ["logits"])]
    inputs: ValueTypes = {"inputs": (TensorProto.INT32, ["N", "T"]), "text_lengths": (TensorProto.INT32, ["N"])}
    outputs: ValueTypes = {"logits": (TensorProto.FLOAT, ["N", "T", len(_CHINESE)])}
    described = {"tokens": "|".join(tokens), "punctuations": "|".join(_CHINESE), "unk_symbol": "<unk>"}
    return _write(directory, nodes, inputs, outputs, {"rows": rows}, {**described, "vocab_size": str(len(tokens))})


def write_english_mark_model(directory: Path) -> Path:
    """Write model.onnx, a CNN-BiLSTM, and bpe.vocab, in which each word is one token."""
    words = [*ENGLISH_MARKS, *_OTHERS]
    tokens = ["<blk>", "<s>", "</s>", "<unk>", *(f"▁{word}" for word in words)]
    marks, cases = np.zeros((len(tokens), 4), np.float32), np.zeros((len(tokens), 4), np.float32)
    for place, word in enumerate(words, 4):
        mark, case = ENGLISH_MARKS.get(word, ("", ""))
        marks[place, _ENGLISH.index(mark)] = cases[place, _CASES.index(case)] = 1.0
    nodes = [
        # Words are valid tokens after those of the beginning and the end of the text.
        helper.make_node("Greater", ["token_ids", "two"], ["is_text"]),
        helper.make_node("Equal", ["valid_ids", "one"], ["is_first"]),
        helper.make_node("And", ["is_text", "is_first"], ["is_word"]),
        helper.make_node("Reshape", ["is_word", "flat"], ["flat_words"]),
        helper.make_node("Reshape", ["token_ids", "flat"], ["flat_tokens"]),
        helper.make_node("Compress", ["flat_tokens", "flat_words"], ["words"], axis=0),
        helper.make_node("Gather", ["case_rows", "words"], ["cases"]),
        helper.make_node("Gather", ["mark_rows", "words"], ["marks"]),
    ]
    inputs: ValueTypes = {
        "token_ids": (TensorProto.INT32, ["N", 200]),
        "valid_ids": (TensorProto.INT32, ["N", 200]),
        "label_lens": (TensorProto.INT32, ["N"]),
    }
    outputs: ValueTypes = {"cases": (TensorProto.FLOAT, ["W", 4]), "marks": (TensorProto.FLOAT, ["W", 4])}
    constants: dict[str, NDArray[Any]] = {"mark_rows": marks, "case_rows": cases, "flat": np.array([-1], np.int64)}
    constants |= {"one": np.array([1], np.int32), "two": np.array([2], np.int32)}
    names = {"COMMA": 1, "PERIOD": 2, "QUESTION": 3, "UPPER": 1, "CAP": 2, "MIX_CASE": 3}
    _write(directory, nodes, inputs, outputs, constants, {name: str(place) for name, place in names.items()})
    (directory / "bpe.vocab").write_text("".join(f"{token}\t{-i}\n" for i, token in enumerate(tokens)), "utf-8")
    return directory


def _write(
    directory: Path,
    nodes: list[onnx.NodeProto],
    inputs: ValueTypes,
    outputs: ValueTypes,
    constants: Mapping[str, NDArray[Any]],
    described: dict[str, str],
) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    ends = [
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in side.items()]
        for side in (inputs, outputs)
    ]
    tensors = [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "marks", ends[0], ends[1], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, described)
    onnx.save(model, directory / "model.onnx")
    return directory
