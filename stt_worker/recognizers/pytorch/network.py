"""Whisper's network (Radford et al. 2022, arXiv 2212.04356) in PyTorch.

Modules have the names of the weights that the package transformers writes, so its files load without a table. Unlike
the class there, the encoder takes windows of any length, and the decoder returns attention weights only where they are
needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

# Keys and values of an attention: each [batch, heads, length, size of a head].
KeysAndValues = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class WhisperShape:
    """The sizes of a model. `alignment_heads`: pairs of layer and head of the decoder that follow the audio."""

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int
    vocabulary: int
    audio_positions: int
    text_positions: int
    alignment_heads: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class DecoderCache:
    """The keys and values of the tokens so far, by layer."""

    layers: list[KeysAndValues] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.layers[0][0].shape[2] if self.layers else 0

    def select(self, rows: Tensor) -> None:
        """Keep these rows, in this order. A row may be chosen several times."""
        self.layers = [(keys[rows], values[rows]) for keys, values in self.layers]


class Attention(nn.Module):
    """Multi-head attention. Its keys have no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(3))
        self.k_proj = nn.Linear(width, width, bias=False)

    def project(self, source: Tensor) -> KeysAndValues:
        """Keys and values of [batch, length, width]."""
        return self._split(self.k_proj(source)), self._split(self.v_proj(source))

    def attend(self, x: Tensor, keys_and_values: KeysAndValues, mask: Tensor | None = None) -> Tensor:
        """Mix values into [batch, length, width]."""
        mixed = functional.scaled_dot_product_attention(self._split(self.q_proj(x)), *keys_and_values, attn_mask=mask)
        projected: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(x.shape))
        return projected

    def scores(self, x: Tensor, keys: Tensor) -> Tensor:
        """Attention before the softmax: [batch, heads, length, number of keys]."""
        queries = self._split(self.q_proj(x))
        return queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class EncoderLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(width, heads), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.self_attn_layer_norm(x)
        x = x + self.self_attn.attend(normed, self.self_attn.project(normed))
        return x + self.transform(x)

    def transform(self, x: Tensor) -> Tensor:
        """The position-wise part of the layer."""
        transformed: Tensor = self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))
        return transformed


class DecoderLayer(EncoderLayer):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.encoder_attn, self.encoder_attn_layer_norm = Attention(width, heads), nn.LayerNorm(width)


class Encoder(nn.Module):
    def __init__(self, shape: WhisperShape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(shape.mels, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape.audio_positions, shape.width)
        self.layers = nn.ModuleList(EncoderLayer(shape.width, shape.heads) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, mels: Tensor) -> Tensor:
        """[batch, mels, frames] to [batch, frames / 2, width]."""
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(mels)))).transpose(1, 2)
        x = x + self.embed_positions.weight[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        normed: Tensor = self.layer_norm(x)
        return normed


class Decoder(nn.Module):
    def __init__(self, shape: WhisperShape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.embed_positions = nn.Embedding(shape.text_positions, shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape.width, shape.heads) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def project_audio(self, encoded: Tensor) -> list[KeysAndValues]:
        """Keys and values of the audio, by layer, from the output of the encoder."""
        return [layer.encoder_attn.project(encoded) for layer in self._layers]

    def forward(
        self,
        tokens: Tensor,
        audio: Sequence[KeysAndValues],
        cache: DecoderCache,
        observed: dict[int, Tensor] | None = None,
    ) -> Tensor:
        """Process tokens [rows, length] that follow those in `cache`, and return their states [rows, length, width].

        The rows of one audio are neighbours. `observed`: receives the attention to the audio before the softmax, for
        the layers that are its keys.
        """
        start, length = cache.length, tokens.shape[1]
        x = self.embed_tokens(tokens) + self.embed_positions.weight[start : start + length]
        mask = torch.ones(length, start + length, dtype=torch.bool, device=x.device).tril(start)
        layers: list[KeysAndValues] = []
        for number, layer in enumerate(self._layers):
            normed = layer.self_attn_layer_norm(x)
            layers.append(_extend(cache.layers[number] if cache.layers else None, layer.self_attn.project(normed)))
            x = x + layer.self_attn.attend(normed, layers[-1], mask)
            # No mask is needed for the audio, so all rows of one audio are queries of one batch item.
            queries = layer.encoder_attn_layer_norm(x).reshape(len(audio[number][0]), -1, x.shape[-1])
            if observed is not None and number in observed:
                observed[number] = layer.encoder_attn.scores(queries, audio[number][0])
            x = x + layer.encoder_attn.attend(queries, audio[number]).reshape(x.shape)
            x = x + layer.transform(x)
        cache.layers = layers
        normed_states: Tensor = self.layer_norm(x)
        return normed_states

    def logits(self, states: Tensor) -> Tensor:
        """Scores of all tokens, in single precision. The output weights are those of the input."""
        return functional.linear(states, self.embed_tokens.weight).float()

    @property
    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]


class WhisperNetwork(nn.Module):
    def __init__(self, shape: WhisperShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)


def _extend(before: KeysAndValues | None, new: KeysAndValues) -> KeysAndValues:
    if before is None:
        return new
    return torch.cat([before[0], new[0]], dim=2), torch.cat([before[1], new[1]], dim=2)
