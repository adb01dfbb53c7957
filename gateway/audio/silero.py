"""Silero's voice detector, v6 (MIT), as a few matrix products: one run judges the windows of many sessions.

512 samples of 16 kHz audio, the 64 before them, and a recurrent state of 2 x 128 give one probability. The weights are
those of the file that the faster-whisper package carries. onnxruntime would compute the same, but takes one session at
a time, and each window by itself: twice as long for a lone session, four times for sixteen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from backend.errors import ModelError
from gateway.audio import weights

CONTEXT = 64
"""Samples before a window that the network wants to see."""
INPUT = CONTEXT + 512
"""Samples that it judges a window by."""
_MEMORY = 128
_PADDED, _SPECTRUM, _HOP, _BINS, _FRAMES = INPUT + 64, 256, 128, 129, 4
"""Samples with their mirrored end; of a short-time spectrum; from it to the next; its frequencies; spectra a window."""
_LONGEST_RUN = 1_024
"""Windows of a stretch in one run; bounds its memory."""

Floats = NDArray[np.float32]
State = Floats
"""[2, 128]: what the network remembers."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Successive windows of one session."""

    inputs: NDArray[np.int16]
    """[n, 576]: each window behind the end of the one before it."""
    state: State
    """From before the first."""


Judged = tuple[Floats, State]
"""The probability of speech in each window, [n], and the state behind the last."""


def fresh() -> State:
    """The state of who has heard nothing."""
    return np.zeros((2, _MEMORY), np.float32)


class Silero:
    """The network, loaded once in a process and shared by all sessions and threads. Raises ModelError when missing."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or _shipped()
        if not path.is_file():
            raise ModelError(f"the speech detector's weights are missing: no {path.name} in {path.parent}")
        try:
            arrays = weights.read(path.read_bytes())
            self._load(arrays)
        except (ValueError, KeyError) as error:
            raise ModelError(f"{path} does not hold the speech detector's weights: {error!r}") from None

    def judge(self, stretches: Sequence[Stretch]) -> list[Judged]:
        """What each is worth, in order. Stretches are judged together, and know nothing of each other."""
        if max((len(stretch.inputs) for stretch in stretches), default=0) <= _LONGEST_RUN:
            return self._run(stretches)
        return [self._judge_long(stretch) for stretch in stretches]

    def _judge_long(self, stretch: Stretch) -> Judged:
        probabilities, state = [], stretch.state
        for at in range(0, len(stretch.inputs), _LONGEST_RUN):
            [(some, state)] = self._run([Stretch(stretch.inputs[at : at + _LONGEST_RUN], state)])
            probabilities.append(some)
        return np.concatenate(probabilities), state

    def _run(self, stretches: Sequence[Stretch]) -> list[Judged]:
        order = sorted(range(len(stretches)), key=lambda n: -len(stretches[n].inputs))
        lengths = [len(stretches[n].inputs) for n in order]
        if not sum(lengths):
            return [(np.empty(0, np.float32), stretch.state) for stretch in stretches]
        inputs = np.concatenate([stretches[n].inputs for n in order])
        memory = np.stack([stretches[n].state for n in order], axis=1)
        probabilities = self._remember(self._encode(inputs), lengths, memory)
        judged: dict[int, Judged] = {}
        for place, (n, end) in enumerate(zip(order, accumulate(lengths), strict=True)):
            judged[n] = probabilities[end - lengths[place] : end], memory[:, place].copy()
        return [judged[n] for n in range(len(stretches))]

    def _load(self, arrays: Mapping[str, Floats]) -> None:
        # The first convolution is a Fourier transform behind a window, which its row for frequency 0 bares.
        self._window = arrays["encoder.feature_extractor.forward_basis_buffer"][0, 0]
        layers = [f"encoder.conv_layers.{n}" for n in range(4)]
        first, second, third, fourth = (_columns(arrays[f"{layer}.weight"]) for layer in layers)
        # The last two see a single frame, with zeros where their neighbours would be.
        self._layers = first, second, third[64:].copy(), fourth[64:128].copy()
        self._biases = [arrays[f"{layer}.bias"] for layer in layers]
        # In ONNX the gates stand as input, output, forget, cell. With sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, and the
        # inner halves in the weights, one call of tanh does for all four.
        halves = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), _MEMORY)
        self._onward, self._back = (
            np.ascontiguousarray((arrays[name][0] * halves[:, np.newaxis]).T)
            for name in ("onnx::LSTM_209", "onnx::LSTM_210")
        )
        self._gate_bias = arrays["onnx::LSTM_211"].reshape(2, -1).sum(axis=0) * halves
        self._verdict, self._verdict_bias = arrays["decoder.conv1d.weight"].reshape(-1), arrays["decoder.conv1d.bias"]

    def _encode(self, inputs: NDArray[np.int16]) -> Floats:
        """[n, 576] samples to [n, 512]: what each adds to the gates."""
        count, (first, second, third, fourth) = len(inputs), self._layers
        samples = np.empty((count, _PADDED), np.float32)
        np.divide(inputs, np.float32(32_768), out=samples[:, :INPUT])
        samples[:, INPUT:] = samples[:, INPUT - 2 : 2 * INPUT - _PADDED - 2 : -1]
        pieces = _frames(samples, _FRAMES, _SPECTRUM, _HOP) * self._window
        spectra = np.zeros((count, _FRAMES + 2, _BINS), np.float32)
        np.abs(np.fft.rfft(pieces).reshape(count, _FRAMES, _BINS), out=spectra[:, 1:-1], casting="same_kind")
        layer = np.zeros((count, _FRAMES + 1, 128), np.float32)
        layer[:, 1:] = self._layer(0, _frames(spectra, _FRAMES, 3 * _BINS, _BINS), first).reshape(count, _FRAMES, 128)
        narrow = self._layer(1, _frames(layer, 2, 3 * 128, 2 * 128), second).reshape(count, 128)
        gates: Floats = self._layer(3, self._layer(2, narrow, third), fourth) @ self._onward
        gates += self._gate_bias
        return gates

    def _layer(self, number: int, inputs: Floats, matrix: Floats) -> Floats:
        outputs: Floats = inputs @ matrix
        outputs += self._biases[number]
        return np.maximum(outputs, 0, out=outputs)

    def _remember(self, encoded: Floats, lengths: Sequence[int], memory: Floats) -> Floats:
        """Probabilities for stretches one behind the other, the longest first; their [2, m, 128] memory moves on."""
        firsts = np.array([0, *accumulate(lengths[:-1])])
        verdicts = np.empty(len(encoded), np.float32)
        alive = len(lengths)
        for step in range(lengths[0]):
            while lengths[alive - 1] <= step:
                alive -= 1
            places = firsts[:alive] + step
            hidden, cell = memory[:, :alive]
            gates = hidden @ self._back
            gates += encoded[places]
            np.tanh(gates, out=gates)
            sigmoids = gates[:, : 3 * _MEMORY]
            sigmoids *= np.float32(0.5)
            sigmoids += np.float32(0.5)
            cell *= sigmoids[:, 2 * _MEMORY :]
            cell += sigmoids[:, :_MEMORY] * gates[:, 3 * _MEMORY :]
            np.tanh(cell, out=hidden)
            hidden *= sigmoids[:, _MEMORY : 2 * _MEMORY]
            verdicts[places] = np.maximum(hidden, 0) @ self._verdict
        verdicts += self._verdict_bias
        probabilities: Floats = np.tanh(verdicts * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
        return probabilities


def _columns(kernel: Floats) -> Floats:
    """A convolution's [out, in, taps] as a matrix for frames that lie one behind the other."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))


def _frames(rows: Floats, count: int, size: int, hop: int) -> Floats:
    """From each row `count` overlapping pieces of `size` numbers, one below the other: [rows * count, size]."""
    shape, strides = (len(rows), count, size), (rows.strides[0], hop * rows.itemsize, rows.itemsize)
    return as_strided(rows, shape, strides).reshape(-1, size)


def _shipped() -> Path:
    """Where faster-whisper keeps the weights; the package itself is not imported."""
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise ModelError("the speech detector's weights are missing: install the package faster-whisper")
    return Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"
