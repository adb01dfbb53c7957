"""Decodes audio of every supported format to 16 kHz mono int16.

`AudioInputDecoder` chooses a decoder: `RawDecoder` for samples, `OpusDecoder` for Opus in WebM or Ogg. Sound of a
container is decoded to the time of its timestamps.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import av
import numpy as np
from numpy.typing import NDArray

from backend.audio.downmix import Downmixer, Waveform, replace_non_finite
from backend.audio.g711 import A_LAW, MU_LAW
from backend.audio.resampler import Resampler, Samples
from backend.audio.timeline import Timeline
from backend.errors import AudioError
from backend.messages.channels import MAX_CHANNELS
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioFormat
from gateway.audio.containers.ogg import OggReader
from gateway.audio.containers.packets import OPUS_HEAD, Packet
from gateway.audio.containers.webm import WebmReader

# Longer jumps of timestamps are not filled with silence: the stream has begun long ago, or is damaged.
MAX_GAP_S = 300.0

# Opus decodes to 48 kHz for every input rate that its header may name (RFC 7845, section 5.1).
_OPUS_RATE = 48_000
# Audio that one frame may decode to. Two bytes of Opus can stand for 120 ms of silence, and a timestamp for minutes, so
# small input may decode to very long audio.
_MAX_FRAME_S = 600
# Limits of a piece, so that it is decoded in a few milliseconds and occupies little memory: its sound in seconds, the
# packets of Opus, and the bytes of a container, which may have tiny elements and no packets.
_PIECE_S, _PIECE_PACKETS, _PIECE_BYTES = 0.5, 50, 4_096


def _read_s16(data: bytes) -> Waveform:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)


def _read_f32(data: bytes) -> Waveform:
    return replace_non_finite(np.frombuffer(data, "<f4").astype(np.float32)).clip(-1, 1)


def _read_g711(values: Waveform, data: bytes) -> Waveform:
    return values.take(np.frombuffer(data, np.uint8))


# Bytes per sample, and the function that reads samples.
_RAW: Mapping[str, tuple[int, Callable[[bytes], Waveform]]] = {
    "pcm_s16le": (2, _read_s16),
    "pcm_f32le": (4, _read_f32),
    "mulaw": (1, partial(_read_g711, MU_LAW)),
    "alaw": (1, partial(_read_g711, A_LAW)),
}

_NO_SOUND: Waveform = np.empty(0, np.float32)

_CONTAINERS: Mapping[str, type[WebmReader] | type[OggReader]] = {"webm": WebmReader, "ogg": OggReader}


class RawDecoder:
    """Interleaved raw samples, 8 to 48 kHz: one or two channels, or one of several. Frames may end inside a sample."""

    def __init__(self, audio: AudioFormat) -> None:
        if not MIN_SAMPLE_RATE <= audio.sample_rate <= MAX_SAMPLE_RATE:
            message = f"{audio.sample_rate} Hz is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            raise AudioError(message, code="unsupported_sample_rate", close_code=1003)
        _check_channels(audio.channels, audio.channel)
        self._width, self._read = _RAW[audio.encoding]
        self._frame_bytes = self._width * audio.channels
        self._channel = audio.channel
        # Channels to mix.
        self._channels = audio.channels if audio.channel is None else 1
        # The beginning of a sample whose other bytes have not arrived.
        self._rest = b""
        self.piece_bytes = self._frame_bytes * round(audio.sample_rate * _PIECE_S)
        # 16 kHz mono s16le needs no conversion.
        form = (audio.encoding, audio.sample_rate, self._channels)
        self._passthrough = form == ("pcm_s16le", SAMPLE_RATE, 1)
        self._downmixer = Downmixer(audio.sample_rate, [1 / self._channels] * self._channels)
        self._resampler = Resampler(audio.sample_rate)

    @property
    def truncation(self) -> AudioError | None:
        """The error if the bytes so far end inside a sample."""
        if not self._rest:
            return None
        message = f"the audio ended {len(self._rest)} bytes into a sample of {self._frame_bytes} bytes"
        return AudioError(f"{message}; everything before it was used", code="misaligned_audio", fatal=False)

    def decode(self, data: bytes) -> Iterator[Samples]:
        """Yield the samples that these bytes complete."""
        yield self._decode(data)

    def _decode(self, data: bytes) -> Samples:
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._frame_bytes
        data, self._rest = data[:whole], data[whole:]
        if self._channel is not None:
            data = pick_channel(data, self._channel, self._width, self._frame_bytes)
        if self._passthrough:
            return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        channels = self._read(data).reshape(-1, self._channels)
        return self._resampler.resample(self._downmixer.mix(channels) if self._channels > 1 else channels[:, 0])

    def flush(self) -> Samples:
        """The resampler's last samples."""
        return self._resampler.flush()


class OpusDecoder:
    """Opus in a container. Rate and channels come from the container, not from `start`.

    Silence fills the gaps between timestamps: recorders leave out packets that are silent, and packets may be lost.
    """

    piece_bytes = _PIECE_BYTES

    def __init__(self, audio: AudioFormat) -> None:
        self._reader = _CONTAINERS[audio.encoding]()
        self._channel = audio.channel
        self._resampler = Resampler(_OPUS_RATE)
        self._codec: av.AudioCodecContext | None = None
        self._has_input = False
        self._downmixer = Downmixer(_OPUS_RATE, [1.0])
        self._timeline = Timeline(MAX_GAP_S)
        # Seconds of audio so far, and what the codec removes from the beginning of the current stream.
        self._position_s = self._pre_skip_s = 0.0

    @property
    def truncation(self) -> AudioError | None:
        """The error if the bytes so far end inside an element, a page or a packet."""
        if not self._reader.is_incomplete:
            return None
        message = "the audio ended inside a packet; everything before it was used"
        return AudioError(message, code="truncated_audio", fatal=False)

    def decode(self, data: bytes) -> Iterator[Samples]:
        """Yield the samples that these bytes complete, in pieces. Consume all of them before the next call.

        Raises AudioError `invalid_container` or `unsupported_channels`.
        """
        self._has_input = self._has_input or bool(data)
        waveforms, begin_s = list[Waveform](), self._position_s
        for packet in self._reader.read_packets(data):
            if silence := self._silence_before(packet):
                yield self._resample(waveforms)
                yield from _silent_pieces(silence)
                waveforms, begin_s = [], self._position_s
            # A packet without sound counts too: the codec removes more than a second at the beginning of a stream.
            waveforms += self._decode_packet(packet.data) or [_NO_SOUND]
            is_full = len(waveforms) >= _PIECE_PACKETS or self._position_s - begin_s >= _PIECE_S
            # Opening a codec takes as long as decoding many packets, so a piece ends with a header.
            if is_full or not packet.is_audio:
                yield self._resample(waveforms)
                waveforms, begin_s = [], self._position_s
        yield self._resample(waveforms)

    def flush(self) -> Samples:
        """Raises AudioError `invalid_container` if the input contained no Opus stream."""
        if self._has_input and self._codec is None:
            raise AudioError("no Opus stream in the container", code="invalid_container")
        return self._resampler.flush()

    def _silence_before(self, packet: Packet) -> int:
        """Samples of silence (16 kHz) to insert before a packet."""
        if packet.time_s is None:
            return 0
        gap_s = self._timeline.gap_before(packet.time_s, self._position_s + self._pre_skip_s)
        self._position_s += gap_s
        return round(gap_s * SAMPLE_RATE)

    def _resample(self, waveforms: list[Waveform]) -> Samples:
        return self._resampler.resample(np.concatenate([_NO_SOUND, *waveforms]))

    def _decode_packet(self, packet: bytes) -> list[Waveform]:
        """A packet's samples. The codec removes the encoder's pre-skip."""
        try:
            if not packet:
                return []
            if packet.startswith(OPUS_HEAD):
                self._open_stream(packet)
                return []
            if self._codec is None:
                raise AudioError("the Opus track has no Opus header", code="invalid_container")
            frames = self._codec.decode(av.Packet(packet))
        except av.FFmpegError as error:
            raise AudioError(f"not Opus: {error.strerror}", code="invalid_container") from None
        waveforms = [self._mono(frame.to_ndarray().astype(np.float32, copy=False)) for frame in frames]
        self._position_s += sum(map(len, waveforms)) / _OPUS_RATE
        return waveforms

    def _mono(self, channels: NDArray[np.float32]) -> Waveform:
        if self._channel is not None:
            picked: Waveform = channels[self._channel]
            return picked
        return channels[0] if len(channels) == 1 else self._downmixer.mix(channels.T)

    def _open_stream(self, head: bytes) -> None:
        """Start a decoder for the stream that this header opens (RFC 7845, section 5.1). Its times begin at 0."""
        if len(head) > 9:
            _check_channels(head[9], self._channel)
        self._codec = av.AudioCodecContext.create("opus", "r")
        self._codec.extradata = head
        self._codec.open()
        self._downmixer = Downmixer(_OPUS_RATE, [1 / head[9]] * head[9])
        self._pre_skip_s = int.from_bytes(head[10:12], "little") / _OPUS_RATE
        self._timeline = Timeline(MAX_GAP_S, position_s=self._position_s)


def _silent_pieces(samples: int) -> Iterator[Samples]:
    size = round(_PIECE_S * SAMPLE_RATE)
    for at in range(0, samples, size):
        yield np.zeros(min(size, samples - at), np.int16)


def pick_channel(data: bytes, channel: int, width: int, frame_bytes: int) -> bytes:
    """The samples of one channel, each of `width` bytes, from whole frames of interleaved ones."""
    frames = np.frombuffer(data, np.uint8).reshape(-1, frame_bytes)
    return frames[:, channel * width : (channel + 1) * width].tobytes()


def _check_channels(channels: int, chosen: int | None) -> None:
    if chosen is None and channels not in (1, 2):
        raise _unsupported(f"{channels} channels: only mono and stereo are mixed")
    if not 1 <= channels <= MAX_CHANNELS:
        raise _unsupported(f"{channels} channels: 1 to {MAX_CHANNELS} are supported")
    if chosen is not None and not 0 <= chosen < channels:
        raise _unsupported(f"there is no channel {chosen}: the audio has {channels}, counted from 0")


def _unsupported(message: str) -> AudioError:
    return AudioError(message, code="unsupported_channels", close_code=1003)


class AudioInputDecoder:
    """One client's audio, in pieces of about half a second at most.

    A small frame may contain much audio. The caller lets other sessions have their turn between two pieces, so a frame
    delays them no longer than a piece, and its audio is never in memory at once.

    After an AudioError, the source cannot be used any more. It holds no file, so it needs no closing. Raises AudioError
    for an unsupported format: `unsupported_sample_rate` or `unsupported_channels`, both with close code 1003.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._decoder = OpusDecoder(audio) if audio.encoding in _CONTAINERS else RawDecoder(audio)

    @property
    def truncation(self) -> AudioError | None:
        """After `flush`: the error, not fatal, if the stream ended inside a packet or a sample."""
        return self._decoder.truncation

    def decode(self, data: bytes) -> Iterator[Samples]:
        """Yield the samples that a frame completes; pieces may be empty. Consume all of them before the next call.

        Raises AudioError: `invalid_container` (close code 1007), `unsupported_channels` (1003), `audio_too_long`
        (1009: a frame that decodes to more than ten minutes).
        """
        samples = 0
        for at in range(0, len(data), self._decoder.piece_bytes):
            for piece in self._decoder.decode(data[at : at + self._decoder.piece_bytes]):
                samples += piece.size
                if samples > _MAX_FRAME_S * SAMPLE_RATE:
                    raise AudioError(
                        "one frame decodes to more than ten minutes of audio", code="audio_too_long", close_code=1009
                    )
                yield piece

    def flush(self) -> Samples:
        """The last samples. Raises AudioError `invalid_container` if the input contained no Opus stream."""
        return self._decoder.flush()
