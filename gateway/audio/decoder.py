"""Decodes audio of every supported format to 16 kHz mono int16.

`AudioInputDecoder` chooses a decoder: `RawDecoder` for samples, `OpusDecoder` for Opus in WebM or Ogg (see
`containers`).
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import av
import numpy as np
from numpy.typing import NDArray

from backend.errors import AudioError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioFormat
from gateway.audio.containers import OPUS_HEAD, OggReader, WebmReader

# [n], 16 kHz mono.
Samples = NDArray[np.int16]
# [n], mono at the client's rate, -1 to 1.
Waveform = NDArray[np.float32]

# Opus decodes to 48 kHz for every input rate that its header may name (RFC 7845, section 5.1).
_OPUS_RATE = 48_000
# Samples per call of libswresample, which never frees the buffer of its largest input.
_CHUNK_SAMPLES = 9_600
# Frames up to this size are decoded on the event loop: it takes a few milliseconds, less than a thread costs.
_INLINE_BYTES = 8_192
# Samples that one frame may decode to. Two bytes of Opus can stand for 120 ms of silence, so small input may decode to
# very long audio.
_MAX_FRAME_SAMPLES = 600 * _OPUS_RATE


def _g711_mu(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = ~code & 0xFF
    magnitude = ((((bits & 0x0F) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
    return np.where(bits & 0x80, -magnitude, magnitude)


def _g711_a(code: NDArray[np.int32]) -> NDArray[np.int32]:
    bits = code ^ 0x55
    exponent, step = (bits >> 4) & 7, ((bits & 0x0F) << 4) + 8
    magnitude = np.where(exponent, (step + 0x100) << np.maximum(exponent - 1, 0), step)
    return np.where(bits & 0x80, magnitude, -magnitude)


# ITU-T G.711: the value of every code.
_CODES = np.arange(256, dtype=np.int32)
_MU_LAW = (_g711_mu(_CODES) / 32_768).astype(np.float32)
_A_LAW = (_g711_a(_CODES) / 32_768).astype(np.float32)


def _read_s16(data: bytes) -> Waveform:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


def _read_f32(data: bytes) -> Waveform:
    """Replace NaN by silence and clip, because audio drivers produce both on glitches."""
    waveform = np.frombuffer(data, "<f4").astype(np.float32)
    return np.nan_to_num(waveform, copy=False, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)


def _read_g711(values: Waveform, data: bytes) -> Waveform:
    return values.take(np.frombuffer(data, np.uint8))


# Bytes per sample, and the function that reads samples.
_RAW: Mapping[str, tuple[int, Callable[[bytes], Waveform]]] = {
    "pcm_s16le": (2, _read_s16),
    "pcm_f32le": (4, _read_f32),
    "mulaw": (1, partial(_read_g711, _MU_LAW)),
    "alaw": (1, partial(_read_g711, _A_LAW)),
}

_CONTAINERS: Mapping[str, type[WebmReader] | type[OggReader]] = {"webm": WebmReader, "ogg": OggReader}


class Resampler:
    """Resamples any rate to 16 kHz by libswresample, with 1 to 2 ms of delay (soxr's streams: 20 to 100 ms)."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._graph = _resampling_graph(rate) if rate != SAMPLE_RATE else None

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


def _resampling_graph(rate: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1  # otherwise every session starts one idle thread per core
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono")
    graph.link_nodes(source, graph.add("aresample", str(SAMPLE_RATE)), graph.add("abuffersink")).configure()
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


class RawDecoder:
    """Interleaved raw samples, 8 to 48 kHz, one or two channels. Every frame contains whole samples of all channels."""

    truncated = False

    def __init__(self, audio: AudioFormat) -> None:
        if not MIN_SAMPLE_RATE <= audio.sample_rate <= MAX_SAMPLE_RATE:
            message = f"{audio.sample_rate} Hz is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            raise AudioError(message, code="unsupported_sample_rate", close_code=1003)
        _check_channels(audio.channels)
        width, self._read = _RAW[audio.encoding]
        self._channels = audio.channels
        self._frame_bytes = width * audio.channels
        # 16 kHz mono s16le needs no conversion.
        self._passthrough = audio == AudioFormat()
        self._resampler = Resampler(audio.sample_rate)

    def decode(self, data: bytes) -> Samples:
        """The samples that these bytes complete. Raises AudioError `misaligned_audio`."""
        if len(data) % self._frame_bytes:
            message = f"{len(data)} bytes are not a multiple of {self._frame_bytes} bytes, one sample of all channels"
            raise AudioError(message, code="misaligned_audio")
        if self._passthrough:
            return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        interleaved = self._read(data).reshape(-1, self._channels)
        return self._resampler.resample(interleaved.mean(axis=1, dtype=np.float32))

    def flush(self) -> Samples:
        """The resampler's last samples."""
        return self._resampler.flush()


class OpusDecoder:
    """Opus in a container. Rate and channels come from the container, not from `start`."""

    def __init__(self, audio: AudioFormat) -> None:
        self._reader = _CONTAINERS[audio.encoding]()
        self._resampler = Resampler(_OPUS_RATE)
        self._codec: av.AudioCodecContext | None = None
        self._has_input = False

    @property
    def truncated(self) -> bool:
        """Whether the bytes so far end inside an element, a page or a packet."""
        return self._reader.is_incomplete

    def decode(self, data: bytes) -> Samples:
        """Raises AudioError `invalid_container`, `unsupported_channels` or `audio_too_long`."""
        self._has_input = self._has_input or bool(data)
        waveforms, samples = [np.empty(0, np.float32)], 0
        for packet in self._reader.read_packets(data):
            for waveform in self._decode_packet(packet):
                waveforms.append(waveform)
                samples += waveform.size
            if samples > _MAX_FRAME_SAMPLES:
                raise AudioError(
                    "one frame decodes to more than ten minutes of audio", code="audio_too_long", close_code=1009
                )
        return self._resampler.resample(np.concatenate(waveforms))

    def flush(self) -> Samples:
        """Raises AudioError `invalid_container` if the input contained no Opus stream."""
        if self._has_input and self._codec is None:
            raise AudioError("no Opus stream in the container", code="invalid_container")
        return self._resampler.flush()

    def _decode_packet(self, packet: bytes) -> list[Waveform]:
        """A packet's samples. The codec removes the encoder's pre-skip."""
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
    """A decoder for the stream that this header opens (RFC 7845, section 5.1; byte 9 is the channel count)."""
    if len(head) > 9:
        _check_channels(head[9])
    codec = av.AudioCodecContext.create("opus", "r")
    codec.extradata = head
    codec.open()
    return codec


def _check_channels(channels: int) -> None:
    if channels not in (1, 2):
        message = f"{channels} channels: only mono and stereo are supported"
        raise AudioError(message, code="unsupported_channels", close_code=1003)


class AudioInputDecoder:
    """One client's audio. Small frames are decoded on the event loop, large ones in a thread.

    Await each call before the next one. After an AudioError, the source cannot be used any more. It holds no thread and
    no file, so it needs no closing. Raises AudioError for an unsupported format: `unsupported_sample_rate` or
    `unsupported_channels`, both with close code 1003.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._decoder = OpusDecoder(audio) if audio.encoding in _CONTAINERS else RawDecoder(audio)

    @property
    def truncated(self) -> bool:
        """After `flush`: whether the stream ended inside a packet. Everything before it was decoded."""
        return self._decoder.truncated

    async def decode(self, data: bytes) -> Samples:
        """The samples that these bytes complete, possibly none.

        Raises AudioError: `misaligned_audio` (incomplete raw samples) and `invalid_container`, both with close code
        1007; `unsupported_channels` (1003); `audio_too_long` (1009: a frame that decodes to more than ten minutes).
        """
        if len(data) <= _INLINE_BYTES:
            return self._decoder.decode(data)
        return await asyncio.to_thread(self._decoder.decode, data)

    async def flush(self) -> Samples:
        """The last samples. Raises AudioError `invalid_container` if the input contained no Opus stream."""
        return self._decoder.flush()
