"""Finds speech: WebRTC's detector as a cheap gate, Silero as the judge.

WebRTC's detector costs next to nothing and lets nearly all speech pass, but music and noise as well; Silero tells them
apart. While the gate is shut no neural network runs.

Silero v6 (MIT): 512 samples of 16 kHz audio, the 64 before them, and a recurrent state of 2 x 128 give one
probability. The weights are the file that the faster-whisper package carries.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np
import onnxruntime
import webrtcvad
from numpy.typing import NDArray

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE
from gateway.segmenter import WINDOW

Heard = tuple[NDArray[np.int16], NDArray[np.float32]]
"""Windows [n, 512] and the probability of speech in each, [n]."""

_CONTEXT = 64
"""Samples of the window before that Silero wants to see."""
_GATE_FRAME = 320
"""Samples that WebRTC's detector judges: 20 ms."""
_HOLD = 24
"""Windows without a sign of speech after which the gate shuts: 0.77 s."""
_WARM_UP = 8
"""Windows from before the gate opened that Silero hears first, so that it does not judge out of nothing."""
_LONGEST_RUN = 1_024
"""Windows in one run of the network; bounds its memory."""

State = NDArray[np.float32]
"""[2, 1, 1, 128]: what Silero remembers."""


class Silero:
    """The network, loaded once in a process and shared by all sessions and threads. Raises ModelError when missing."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        path = path or _shipped()
        if not path.is_file():
            raise ModelError(f"the speech detector's weights are missing: no {path.name} in {path.parent}")
        self._network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def judge(self, context: NDArray[np.int16], windows: NDArray[np.int16], state: State) -> tuple[list[float], State]:
        """Probabilities for [n, 512] successive windows; `context` is the [64] samples before the first."""
        before = np.vstack([context, windows[:-1, -_CONTEXT:]])
        inputs = np.hstack([before, windows]).astype(np.float32) / np.float32(32_768)
        probabilities: list[float] = []
        for at in range(0, len(inputs), _LONGEST_RUN):
            run = {"input": inputs[at : at + _LONGEST_RUN], "h": state[0], "c": state[1]}
            judged, *state_after = self._network.run(None, run)
            state = np.stack(state_after)
            probabilities += judged.tolist()
        return probabilities, state


def _shipped() -> Path:
    """Where faster-whisper keeps the weights; the package itself is not imported."""
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise ModelError("the speech detector's weights are missing: install the package faster-whisper")
    return Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"


class _Gate:
    """WebRTC's detector, and whether it has heard anything like speech of late."""

    def __init__(self, mode: int) -> None:
        self._detector = webrtcvad.Vad(mode)
        self._rest = b""
        self._quiet = _HOLD

    def passes(self, window: NDArray[np.int16]) -> bool:
        """Take the next window: whether it is worth Silero's time."""
        self._rest += window.tobytes()
        self._quiet += 1
        while len(self._rest) >= 2 * _GATE_FRAME:
            if self._detector.is_speech(self._rest[: 2 * _GATE_FRAME], SAMPLE_RATE):
                self._quiet = 0
            self._rest = self._rest[2 * _GATE_FRAME :]
        return self._quiet < _HOLD


class SpeechDetector:
    """One session's detector. How its audio is cut into calls makes no difference to what it says."""

    def __init__(self, silero: Silero, *, mode: int = 1) -> None:
        """`mode` is the gate's: from 0, which lets nearly anything pass, to 3."""
        self._silero = silero
        self._gate = _Gate(mode)
        self._rest = np.empty(0, np.int16)
        self._past = np.zeros((_WARM_UP + 1, WINDOW), np.int16)
        self._state: State | None = None
        """None while the gate is shut."""

    def feed(self, samples: NDArray[np.int16]) -> Heard:
        """Take 16 kHz samples, any number; returns the windows they complete and what they are worth.

        Made for `segmenter.feed(*detector.feed(samples))`. A second of speech costs about 2 ms: minutes at once belong
        in a thread.
        """
        samples = np.concatenate([self._rest, samples])
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :].copy()
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        heard = np.vstack([self._past, windows])
        self._past = heard[count:].copy()
        return windows, np.array(self._judge(heard), np.float32)

    def flush(self) -> Heard:
        """The last, incomplete window, padded with zeros; none when nothing is left."""
        return self.feed(np.zeros(-len(self._rest) % WINDOW, np.int16))

    def _judge(self, heard: NDArray[np.int16]) -> list[float]:
        """Probabilities for all but the first windows, which are the past."""
        probabilities: list[float] = []
        for passes, run in groupby(heard[len(self._past) :], self._gate.passes):
            count = sum(1 for _ in run)
            end = len(self._past) + len(probabilities) + count
            probabilities += self._awake(heard, end - count, end) if passes else self._asleep(count)
        return probabilities

    def _awake(self, heard: NDArray[np.int16], start: int, end: int) -> list[float]:
        warm_up = _WARM_UP if self._state is None else 0
        state = np.zeros((2, 1, 1, 128), np.float32) if self._state is None else self._state
        context = heard[start - warm_up - 1, -_CONTEXT:]
        judged, self._state = self._silero.judge(context, heard[start - warm_up : end], state)
        return judged[warm_up:]

    def _asleep(self, count: int) -> list[float]:
        self._state = None
        return [0.0] * count
