"""Audio in whatever form a client sends it; audio out as everything behind the gateway expects it: 16 kHz mono int16.

`AudioSource` is what a session's shell holds. Behind it stands one decoder a format: raw samples here, Opus with the
help of `containers`, which takes WebM and Ogg apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from backend.errors import AudioError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioFormat
from gateway.audio.containers import OPUS_HEAD, OggReader, OpusReader, WebmReader

Samples = NDArray[np.int16]
"""[n], 16 kHz mono."""
Waveform = NDArray[np.float32]
"""[n], mono at the client's rate, -1 to 1."""

_OPUS_RATE = 48_000
_PIECE = 9_600
"""Samples that are resampled at once: libswresample keeps room for the most that it was ever given."""
_INLINE_BYTES = 8_192
"""Frames up to this size are decoded in a millisecond or a few: less than a thread is worth."""
_LONGEST_FRAME = 600 * _OPUS_RATE
"""Samples. What one frame may unpack into: two bytes of Opus can stand for 120 ms of silence."""


def _g711_mu(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = ~code & 0xFF
    magnitude = ((((bits & 0x0F) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
    return np.where(bits & 0x80, -magnitude, magnitude)


def _g711_a(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = code ^ 0x55
    exponent, step = (bits >> 4) & 7, ((bits & 0x0F) << 4) + 8
    magnitude = np.where(exponent, (step + 0x100) << np.maximum(exponent - 1, 0), step)
    return np.where(bits & 0x80, magnitude, -magnitude)


_CODES = np.arange(256, dtype=np.int32)
_MU_LAW = (_g711_mu(_CODES) / 32_768).astype(np.float32)
"""ITU-T G.711, every code's value."""
_A_LAW = (_g711_a(_CODES) / 32_768).astype(np.float32)


def _read_s16(data: bytes) -> Waveform:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


def _read_f32(data: bytes) -> Waveform:
    """Samples that are no number become silence and loud ones are clipped: a driver's hiccup ends no session."""
    waveform = np.frombuffer(data, "<f4").astype(np.float32)
    return np.nan_to_num(waveform, copy=False, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)


def _read_g711(values: Waveform, data: bytes) -> Waveform:
    return values.take(np.frombuffer(data, np.uint8))


_RAW: Mapping[str, tuple[int, Callable[[bytes], Waveform]]] = {
    "pcm_s16le": (2, _read_s16),
    "pcm_f32le": (4, _read_f32),
    "mulaw": (1, partial(_read_g711, _MU_LAW)),
    "alaw": (1, partial(_read_g711, _A_LAW)),
}
"""Bytes a sample, and how they are read."""

_CONTAINERS: Mapping[str, Callable[[], OpusReader]] = {"webm": WebmReader, "ogg": OggReader}


class Resampler:
    """Any rate to 16 kHz by libswresample: 1 to 2 ms behind the input, where soxr's streams are 20 to 100 behind."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._graph = _graph(rate) if rate != SAMPLE_RATE else None

    def feed(self, waveform: Waveform) -> Samples:
        """The samples that these complete."""
        if self._graph is None:
            return _to_int16(waveform)
        resampled: list[Waveform] = []
        for at in range(0, waveform.size, _PIECE):
            frame = av.AudioFrame.from_ndarray(waveform[np.newaxis, at : at + _PIECE], format="flt", layout="mono")
            frame.sample_rate = self._rate
            self._graph.push(frame)
            resampled += _pulled(self._graph)
        return _joined(resampled)

    def flush(self) -> Samples:
        """The samples still in the filter; it takes none after this."""
        if self._graph is None:
            return _joined([])
        self._graph.push(None)
        return _joined(_pulled(self._graph))


def _graph(rate: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1  # else each session starts as many as there are cores, which then sleep
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono")
    graph.link_nodes(source, graph.add("aresample", str(SAMPLE_RATE)), graph.add("abuffersink")).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[Waveform]:
    with suppress(av.BlockingIOError, av.EOFError):  # no more for now, or for good
        while True:
            frame = graph.pull()
            assert isinstance(frame, av.AudioFrame)
            yield frame.to_ndarray()[0]


def _joined(waveforms: Iterable[Waveform]) -> Samples:
    return _to_int16(np.concatenate([np.empty(0, np.float32), *waveforms]))


def _to_int16(waveform: Waveform) -> Samples:
    return np.rint(waveform * 32_768).clip(-32_768, 32_767).astype(np.int16)


class Decoder(Protocol):
    """One client's audio, decoded as it comes; takes as long as it takes."""

    @property
    def truncated(self) -> bool:
        """Whether the bytes so far end in the middle of something."""
        ...

    def feed(self, data: bytes) -> Samples:
        """What these bytes complete. Raises AudioError."""
        ...

    def flush(self) -> Samples:
        """What is left when no more bytes come. Raises AudioError."""
        ...


class RawDecoder:
    """Raw samples, interleaved, 8 to 48 kHz, one or two channels. Every frame holds whole samples of all channels."""

    truncated = False

    def __init__(self, audio: AudioFormat) -> None:
        if not MIN_SAMPLE_RATE <= audio.sample_rate <= MAX_SAMPLE_RATE:
            message = f"{audio.sample_rate} Hz is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            raise AudioError(message, code="unsupported_sample_rate", close_code=1003)
        _check_channels(audio.channels)
        width, self._read = _RAW[audio.encoding]
        self._channels = audio.channels
        self._frame_bytes = width * audio.channels
        self._ready = audio == AudioFormat()
        """Whether it comes as it is wanted."""
        self._resampler = Resampler(audio.sample_rate)

    def feed(self, data: bytes) -> Samples:
        """Raises AudioError `misaligned_audio`."""
        if len(data) % self._frame_bytes:
            message = f"{len(data)} bytes are not whole samples of {self._frame_bytes} bytes"
            raise AudioError(message, code="misaligned_audio")
        if self._ready:
            return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        interleaved = self._read(data).reshape(-1, self._channels)
        return self._resampler.feed(interleaved.mean(axis=1, dtype=np.float32))

    def flush(self) -> Samples:
        """The resampler's last samples."""
        return self._resampler.flush()


class OpusDecoder:
    """Opus in a container. The container says rate and channels, whatever `start` said."""

    def __init__(self, audio: AudioFormat) -> None:
        self._reader = _CONTAINERS[audio.encoding]()
        self._resampler = Resampler(_OPUS_RATE)
        self._codec: av.AudioCodecContext | None = None
        self._fed = False

    @property
    def truncated(self) -> bool:
        """Whether the bytes so far end in the middle of an element, a page or a packet."""
        return self._reader.partial

    def feed(self, data: bytes) -> Samples:
        """Raises AudioError `invalid_container`, `unsupported_channels` or `audio_too_long`."""
        self._fed = self._fed or bool(data)
        waveforms, samples = [np.empty(0, np.float32)], 0
        for packet in self._reader.feed(data):
            for waveform in self._decode(packet):
                waveforms.append(waveform)
                samples += waveform.size
            if samples > _LONGEST_FRAME:
                raise AudioError("one frame unpacks into over ten minutes", code="audio_too_long", close_code=1009)
        return self._resampler.feed(np.concatenate(waveforms))

    def flush(self) -> Samples:
        """Raises AudioError `invalid_container` when bytes came but no Opus stream in them."""
        if self._fed and self._codec is None:
            raise AudioError("no Opus stream in the container", code="invalid_container")
        return self._resampler.flush()

    def _decode(self, packet: bytes) -> list[Waveform]:
        """A packet's samples; the codec itself drops the encoder's start-up (pre-skip)."""
        try:
            if packet.startswith(OPUS_HEAD):
                self._codec = _opus_codec(packet)
                return []
            if self._codec is None:
                raise AudioError("the Opus track has no Opus header", code="invalid_container")
            return [
                frame.to_ndarray().mean(axis=0, dtype=np.float32) for frame in self._codec.decode(av.Packet(packet))
            ]
        except av.FFmpegError as error:
            raise AudioError(f"not Opus: {error.strerror}", code="invalid_container") from None


def _opus_codec(head: bytes) -> av.AudioCodecContext:
    """A decoder for the stream that this header (RFC 7845, section 5.1) opens."""
    if len(head) > 9:
        _check_channels(head[9])
    codec = av.AudioCodecContext.create("opus", "r")
    codec.extradata = head
    codec.open()
    return codec


def _check_channels(channels: int) -> None:
    if channels not in (1, 2):
        message = f"{channels} channels: only mono and stereo are served"
        raise AudioError(message, code="unsupported_channels", close_code=1003)


class AudioSource:
    """One client's audio without holding up the event loop: small frames are decoded at once, large ones in a thread.

    Await each call before the next. After an AudioError the source is spent. It holds no thread and no file: to abandon
    it is to drop it. Raises AudioError on a format that is not served: `unsupported_sample_rate` or
    `unsupported_channels`, both with close code 1003.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._decoder: Decoder = OpusDecoder(audio) if audio.encoding in _CONTAINERS else RawDecoder(audio)

    @property
    def truncated(self) -> bool:
        """After `finish`: whether the stream broke off inside a packet; what came before it was decoded."""
        return self._decoder.truncated

    async def feed(self, data: bytes) -> Samples:
        """The samples that these bytes complete, possibly none.

        Raises AudioError: `misaligned_audio` (raw samples that are not whole), `invalid_container` (both with close
        code 1007), `unsupported_channels` (1003), `audio_too_long` (1009: a frame that unpacks into over ten minutes).
        """
        if len(data) <= _INLINE_BYTES:
            return self._decoder.feed(data)
        return await asyncio.to_thread(self._decoder.feed, data)

    async def finish(self) -> Samples:
        """The last samples. Raises AudioError `invalid_container` when bytes came but no Opus stream in them."""
        return self._decoder.flush()
