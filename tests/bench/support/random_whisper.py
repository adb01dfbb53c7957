"""Whisper models with random weights in the shape of a published model. They have the same cost and need no download.

A model outputs the same sentence for any audio and then stops, so the number of decoded tokens is known. The position
of a token selects the next one: the position encodings of the decoder are the axes of its space, and the projection
maps each axis to one word. The layers add little to that. Encoder, attention and beam search do all their work, but
accuracy cannot be measured.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, transformer_spec, whisper_spec
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_TOKENS, FRAMES = 448, 1500
TASK_TOKENS = 4  # <|startoftranscript|>, the language, the task, <|notimestamps|>
AXIS_SCALE = 256.0  # of position encodings, far above what the layers add
WORD_LOGIT = 40.0  # of the selected word, far above all others
STORY = (
    " The ship had left the harbour before the morning fog was gone, and those who stood on the pier saw little more "
    "than a lantern that moved slowly towards the open sea while somebody on board kept calling out names."
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions that determine the cost of a model."""

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int = 80
    vocabulary: int = 51_865


# openai/whisper, model.py: ModelDimensions.
SHAPES = {
    "tiny": Shape(384, 6, 4, 4),
    "base": Shape(512, 8, 6, 6),
    "small": Shape(768, 12, 12, 12),
    "large-v3-turbo": Shape(1280, 20, 32, 4, mels=128, vocabulary=51_866),
}


def make_model(directory: Path, shape: Shape, *, like: Path, tokens: int, seed: int = 0) -> str:
    """Write a CTranslate2 model of this shape in float16 that outputs `tokens` tokens. Returns its output as text.

    `like`: a real multilingual Whisper in CTranslate2 format, for its tokenizer. Raises ValueError if `tokens` is more
    than the width has axes or than the story has tokens.
    """
    vocabulary, config = _vocabulary(like), json.loads((like / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(like / "tokenizer.json"))
    story = tokenizer.encode(STORY, add_special_tokens=False).ids[:tokens]
    if len(story) < tokens or tokens >= shape.width:
        raise ValueError(f"a width of {shape.width} and a story of {len(story)} tokens are too small for {tokens}")
    spec = whisper_spec.WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    _Weights(shape, np.random.default_rng(seed)).fill(spec, [*story, vocabulary.index("<|endoftext|>")])
    vocabulary += [f"<|{30 + 0.02 * extra:.2f}|>" for extra in range(1, 1 + shape.vocabulary - len(vocabulary))]
    spec.register_vocabulary(vocabulary)
    for name in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
        setattr(spec.config, name, config[name])
    spec.config.alignment_heads = [(shape.decoder_layers - 1, head) for head in range(min(6, shape.heads))]
    spec.validate()
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))
    shutil.copy(like / "tokenizer.json", directory)
    (directory / "preprocessor_config.json").write_text(json.dumps({"feature_size": shape.mels}))
    return str(tokenizer.decode(story)).strip()


def _vocabulary(like: Path) -> list[str]:
    written = like / "vocabulary.json"
    if written.is_file():
        return list(json.loads(written.read_text(encoding="utf-8")))
    return (like / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:51_865]


class _Weights:
    """Fills the weights of a specification, layer by layer."""

    def __init__(self, shape: Shape, random: np.random.Generator) -> None:
        self._shape, self._random = shape, random

    def fill(self, spec: whisper_spec.WhisperSpec, answer: Sequence[int]) -> None:
        width = self._shape.width
        self._conv(spec.encoder.conv1, self._shape.mels)
        self._conv(spec.encoder.conv2, width)
        spec.encoder.position_encodings.encodings = self._some(FRAMES, width)
        self._norm(spec.encoder.layer_norm)
        spec.decoder.embeddings.weight = self._some(self._shape.vocabulary, width)
        spec.decoder.position_encodings.encodings = self._axes(len(answer))
        self._norm(spec.decoder.layer_norm)
        spec.decoder.projection.weight = self._words(answer)
        for layer in (*spec.encoder.layer, *spec.decoder.layer):
            self._layer(layer)

    def _axes(self, count: int) -> NDArray[np.float16]:
        """[448, width]: one axis per position from the last task token on. The last axis serves all later positions."""
        places = np.zeros((MAX_TOKENS, self._shape.width), np.float16)
        for place in range(TASK_TOKENS - 1, MAX_TOKENS):
            places[place, min(place - TASK_TOKENS + 1, count - 1)] = AXIS_SCALE
        return places

    def _words(self, answer: Sequence[int]) -> NDArray[np.float16]:
        """[vocabulary, width]: a normalized axis has a length of about sqrt(width). A word may occur repeatedly."""
        words = self._some(self._shape.vocabulary, self._shape.width)
        for axis, word in enumerate(answer):
            words[word, axis] = WORD_LOGIT / np.sqrt(self._shape.width)
        return words

    def _layer(self, layer: transformer_spec.TransformerDecoderLayerSpec) -> None:
        width = self._shape.width
        cross_attention = [layer.attention] if hasattr(layer, "attention") else []
        for attention in (layer.self_attention, *cross_attention):
            self._norm(attention.layer_norm)
            for linear, rows in zip(attention.linear, _rows(len(attention.linear)), strict=True):
                self._linear(linear, rows * width, width)
        self._norm(layer.ffn.layer_norm)
        self._linear(layer.ffn.linear_0, 4 * width, width)
        self._linear(layer.ffn.linear_1, width, 4 * width)

    def _linear(self, linear: common_spec.LinearSpec, rows: int, columns: int) -> None:
        linear.weight, linear.bias = self._some(rows, columns), np.zeros(rows, np.float16)

    def _conv(self, conv: common_spec.Conv1DSpec, channels: int) -> None:
        width = self._shape.width
        conv.weight, conv.bias = self._some(width, channels, 3), np.zeros(width, np.float16)

    def _norm(self, norm: common_spec.LayerNormSpec) -> None:
        norm.gamma, norm.beta = np.ones(self._shape.width, np.float16), np.zeros(self._shape.width, np.float16)

    def _some(self, *size: int) -> NDArray[np.float16]:
        return (0.02 * self._random.standard_normal(size, np.float32)).astype(np.float16)


def _rows(linears: int) -> tuple[int, ...]:
    """Rows of the matrices of an attention, in widths: queries, keys and values, or queries, then keys and values."""
    return (3, 1) if linears == 2 else (1, 2, 1)
