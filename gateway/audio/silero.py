"""Silero VAD v6 (MIT, https://github.com/snakers4/silero-vad) as numpy matrix products, batched across sessions.

The network reads 512 samples of 16 kHz audio behind 64 samples of context and returns one speech probability. Its
recurrent state is an LSTM's hidden and cell vector, [2, 128]. `silero_vad_v6.npz` holds the arrays of the ONNX file
that faster-whisper 1.2 distributes; `make_silero_weights.py` extracts them.

onnxruntime computes the same (tests/integration/test_vad.py compares both), but each session needs a call of its own:
on 2 cores it takes twice as long for one session, and four times as long for sixteen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.errors import ModelError

WEIGHTS = Path(__file__).parent / "silero_vad_v6.npz"
WEIGHTS_SHA256 = "bb90676bf67a55f585372a2d84a4f0423a0a175871e27a8da1eb21e9023a28b2"

# Samples of context before a window, and samples of both.
CONTEXT = 64
INPUT = CONTEXT + 512

# Size of the LSTM's hidden and cell vectors.
_HIDDEN = 128
# The network's short-time Fourier transform: input length with 64 mirrored samples at the end, length of a frame, step
# between frames, frequency bins, and frames per window.
_PADDED, _FRAME, _HOP, _BINS, _FRAMES = INPUT + 64, 256, 128, 129, 4
# Windows of one sequence that are evaluated at once. Bounds the memory for long files (about 33 s of audio).
_MAX_RUN = 1_024

Floats = NDArray[np.float32]
# [2, 128]: hidden and cell vector of the LSTM.
RecurrentState = Floats


@dataclass(frozen=True, slots=True)
class WindowSequence:
    """Successive windows of one session: [n, 576] with context, and the recurrent state before the first one."""

    inputs: NDArray[np.int16]
    state: RecurrentState


# Speech probability of each window, [n], and the recurrent state after the last one.
SequenceResult = tuple[Floats, RecurrentState]


def initial_state() -> RecurrentState:
    """The recurrent state before any audio."""
    return np.zeros((2, _HIDDEN), np.float32)


class Silero:
    """The network. One instance per process is shared by all sessions and threads.

    Raises ModelError if the file of weights is missing or damaged.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        self._load_weights(_read_weights(path))

    def infer(self, sequences: Sequence[WindowSequence]) -> list[SequenceResult]:
        """The result of each sequence, in order. Sequences share matrix products but do not affect each other."""
        if max((len(sequence.inputs) for sequence in sequences), default=0) <= _MAX_RUN:
            return self._run(sequences)
        return [self._run_in_parts(sequence) for sequence in sequences]

    def _run_in_parts(self, sequence: WindowSequence) -> SequenceResult:
        probabilities, state = [], sequence.state
        for at in range(0, len(sequence.inputs), _MAX_RUN):
            [(part, state)] = self._run([WindowSequence(sequence.inputs[at : at + _MAX_RUN], state)])
            probabilities.append(part)
        return np.concatenate(probabilities), state

    def _run(self, sequences: Sequence[WindowSequence]) -> list[SequenceResult]:
        # Longest first, so that at each LSTM step the sequences that still have windows are a prefix.
        order = sorted(range(len(sequences)), key=lambda n: -len(sequences[n].inputs))
        lengths = [len(sequences[n].inputs) for n in order]
        if not sum(lengths):
            return [(np.empty(0, np.float32), sequence.state) for sequence in sequences]
        inputs = np.concatenate([sequences[n].inputs for n in order])
        states = np.stack([sequences[n].state for n in order], axis=1)
        probabilities = self._decode(self._encode(inputs), lengths, states)
        results: dict[int, SequenceResult] = {}
        for rank, (n, end) in enumerate(zip(order, accumulate(lengths), strict=True)):
            results[n] = probabilities[end - lengths[rank] : end], states[:, rank].copy()
        return [results[n] for n in range(len(sequences))]

    def _load_weights(self, arrays: Mapping[str, Floats]) -> None:
        # The network's first convolution is a windowed Fourier transform. For frequency 0 the transform is all ones,
        # so that row is the window itself; a real FFT replaces the rest.
        self._window = arrays["encoder.feature_extractor.forward_basis_buffer"][0, 0]
        layers = [f"encoder.conv_layers.{n}" for n in range(4)]
        first, second, third, fourth = (_kernel_matrix(arrays[f"{layer}.weight"]) for layer in layers)
        # The last two layers see a single frame between zero padding, so only some rows of their kernels matter.
        self._layers = first, second, third[64:].copy(), fourth[64:128].copy()
        self._biases = [arrays[f"{layer}.bias"] for layer in layers]
        # ONNX orders the LSTM gates input, output, forget, cell. sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: with the inner
        # halves in the weights, one call of tanh computes all four gates.
        halves = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), _HIDDEN)
        self._input_weights, self._recurrent_weights = (
            np.ascontiguousarray((arrays[name][0] * halves[:, np.newaxis]).T)
            for name in ("onnx::LSTM_209", "onnx::LSTM_210")
        )
        self._gate_bias = arrays["onnx::LSTM_211"].reshape(2, -1).sum(axis=0) * halves
        self._output_weights = arrays["decoder.conv1d.weight"].reshape(-1)
        self._output_bias = arrays["decoder.conv1d.bias"]

    def _encode(self, inputs: NDArray[np.int16]) -> Floats:
        """[n, 576] samples to [n, 512]: each window's contribution to the LSTM gates."""
        count, (first, second, third, fourth) = len(inputs), self._layers
        samples = np.empty((count, _PADDED), np.float32)
        np.divide(inputs, np.float32(32_768), out=samples[:, :INPUT])
        samples[:, INPUT:] = samples[:, INPUT - 2 : 2 * INPUT - _PADDED - 2 : -1]
        frames = _overlapping_frames(samples, _FRAMES, _FRAME, _HOP) * self._window
        spectra = np.zeros((count, _FRAMES + 2, _BINS), np.float32)
        np.abs(np.fft.rfft(frames).reshape(count, _FRAMES, _BINS), out=spectra[:, 1:-1], casting="same_kind")
        hidden = np.zeros((count, _FRAMES + 1, 128), np.float32)
        frames = _overlapping_frames(spectra, _FRAMES, 3 * _BINS, _BINS)
        hidden[:, 1:] = self._apply_layer(0, frames, first).reshape(count, _FRAMES, 128)
        frames = _overlapping_frames(hidden, 2, 3 * 128, 2 * 128)
        narrow = self._apply_layer(1, frames, second).reshape(count, 128)
        gates: Floats = self._apply_layer(3, self._apply_layer(2, narrow, third), fourth) @ self._input_weights
        gates += self._gate_bias
        return gates

    def _apply_layer(self, number: int, inputs: Floats, matrix: Floats) -> Floats:
        """A convolution as a matrix product, then ReLU."""
        outputs: Floats = inputs @ matrix
        outputs += self._biases[number]
        return np.maximum(outputs, 0, out=outputs)

    def _decode(self, encoded: Floats, lengths: Sequence[int], states: Floats) -> Floats:
        """The LSTM and the output layer. Updates `states`, [2, m, 128], in place.

        `encoded` holds the sequences one after another, longest first; `lengths` are their numbers of windows.
        """
        firsts = np.array([0, *accumulate(lengths[:-1])])
        logits = np.empty(len(encoded), np.float32)
        active = len(lengths)
        for step in range(lengths[0]):
            while lengths[active - 1] <= step:
                active -= 1
            rows = firsts[:active] + step
            hidden, cell = states[:, :active]
            gates = hidden @ self._recurrent_weights
            gates += encoded[rows]
            np.tanh(gates, out=gates)
            sigmoids = gates[:, : 3 * _HIDDEN]
            sigmoids *= np.float32(0.5)
            sigmoids += np.float32(0.5)
            cell *= sigmoids[:, 2 * _HIDDEN :]
            cell += sigmoids[:, :_HIDDEN] * gates[:, 3 * _HIDDEN :]
            np.tanh(cell, out=hidden)
            hidden *= sigmoids[:, _HIDDEN : 2 * _HIDDEN]
            logits[rows] = np.maximum(hidden, 0) @ self._output_weights
        logits += self._output_bias
        probabilities: Floats = np.tanh(logits * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
        return probabilities


def _read_weights(path: Path) -> Mapping[str, Floats]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the weights of the speech detector, {path}: {error.strerror}") from None
    if sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise ModelError(f"{path} is damaged: it does not have the expected SHA-256 digest")
    with np.load(BytesIO(data)) as arrays:
        return dict(arrays)


def _kernel_matrix(kernel: Floats) -> Floats:
    """A convolution's [out, in, taps] as a matrix for frames that are concatenated taps."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))


def _overlapping_frames(rows: Floats, count: int, size: int, hop: int) -> Floats:
    """`count` overlapping frames of `size` numbers from each row, stacked: [rows * count, size].

    `as_strided` would do the same, and takes seven times as long.
    """
    shape, strides = (len(rows), count, size), (rows.strides[0], hop * rows.itemsize, rows.itemsize)
    return np.ndarray(shape, rows.dtype, rows, 0, strides).reshape(-1, size)
