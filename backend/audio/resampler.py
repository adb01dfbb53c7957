"""Resamples streams to int16, 16 kHz unless a telephone needs 8 kHz."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import av
import numpy as np
from numpy.typing import NDArray

from backend.audio.downmix import Waveform

# [n], mono.
Samples = NDArray[np.int16]

# Samples per call of libswresample, which never frees the buffer of its largest input.
_CHUNK_SAMPLES = 9_600


# Hz, of all audio that is recognized.
SAMPLE_RATE = 16_000


class Resampler:
    """Resamples any rate to `to_rate` by libswresample, with 1 to 2 ms of delay (soxr's streams: 20 to 100 ms)."""

    def __init__(self, rate: int, to_rate: int = SAMPLE_RATE) -> None:
        self._rate = rate
        self._graph = _resampling_graph(rate, to_rate) if rate != to_rate else None

    def resample(self, waveform: Waveform) -> Samples:
        """The output samples that these input samples complete."""
        if self._graph is None:
            return _to_int16(waveform)
        resampled: list[Waveform] = []
        for at in range(0, waveform.size, _CHUNK_SAMPLES):
            frame = av.AudioFrame.from_ndarray(
                waveform[np.newaxis, at : at + _CHUNK_SAMPLES], format="flt", layout="mono"
            )
            frame.sample_rate = self._rate
            self._graph.push(frame)
            resampled += _pull_frames(self._graph)
        return _join_waveforms(resampled)

    def flush(self) -> Samples:
        """The samples that are still in the filter. Ends the stream."""
        if self._graph is None:
            return _join_waveforms([])
        self._graph.push(None)
        return _join_waveforms(_pull_frames(self._graph))


def _resampling_graph(rate: int, to_rate: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1  # otherwise every session starts one idle thread per core
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono")
    graph.link_nodes(source, graph.add("aresample", str(to_rate)), graph.add("abuffersink")).configure()
    return graph


def _pull_frames(graph: av.filter.Graph) -> Iterator[Waveform]:
    with suppress(av.BlockingIOError, av.EOFError):  # needs more input, or has ended
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)
            yield frame.to_ndarray()[0]


def _join_waveforms(waveforms: Iterable[Waveform]) -> Samples:
    return _to_int16(np.concatenate([np.empty(0, np.float32), *waveforms]))


def _to_int16(waveform: Waveform) -> Samples:
    return np.rint(waveform * 32_768).clip(-32_768, 32_767).astype(np.int16)
