"""Decodes an audio track to 16 kHz PCM, with silence in place of what is missing, and finds damage."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import av
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from backend.audio.timeline import Timeline
from backend.cli.files.media.conversion import FrameConverter
from backend.cli.files.media.damage import Damage
from backend.cli.files.media.frame_count import COUNTED_FORMATS, FrameCount, is_tag
from backend.messages.jobs import BYTES_PER_SECOND, SAMPLE_RATE

# A gap within this time after an error of FFmpeg is damage, and no pause that was left out. Demuxers read ahead.
_READ_AHEAD_S = 2.0
# Errors of the demuxer in a row after which the file counts as ended.
_MAX_ERRORS = 16


class Sound:
    """The sound of one track. It can be read once.

    `damage` is complete when it has been read. `ends_damaged`: the last packets could not be decoded.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        *,
        origin_s: float,
        longest_gap_s: float,
        declared_frames: int | None,
        channels: int | None = None,
    ) -> None:
        """`origin_s` is the timestamp of the beginning. `channels` as for `FrameConverter`."""
        self.damage = Damage()
        self.ends_damaged = False
        self._container, self._stream = container, stream
        self._channels = channels
        self._bytes_per_s = BYTES_PER_SECOND * (channels or 1)
        self._timeline = Timeline(longest_gap_s, origin_s)
        is_counted = container.format.name in COUNTED_FORMATS
        self._count = FrameCount(declared_frames) if is_counted else None
        # Seconds of sound since FFmpeg's last error.
        self._since_error_s = math.inf
        # Whether something could not be decoded since the last frame.
        self._has_junk = False
        self._is_flushing = False

    @property
    def has_exact_times(self) -> bool:
        """Whether times behind damage are known and not estimated."""
        return self._count is None or self._count.is_exact

    def read(self) -> Iterator[bytes]:
        """Yield s16le PCM. Gaps between timestamps are silence, so that positions are times of the file."""
        converter, written, position_s = FrameConverter(self._channels), 0, 0.0
        for frame in self._frames():
            gap_s = 0.0
            if frame.time is not None:
                shift_s = self._count.shift_s if self._count else 0.0
                gap_s = self._timeline.gap_before(frame.time + shift_s, position_s)
            self._note_damage(position_s, gap_s)
            if gap_s:
                position_s += gap_s
                rest = converter.drain()
                written += len(rest)
                yield rest
                for piece in silence(position_s - written / self._bytes_per_s, self._bytes_per_s):
                    written += len(piece)
                    yield piece
            length_s = frame.samples / frame.sample_rate
            position_s += length_s
            self._since_error_s += length_s
            pcm = converter.convert(frame)
            written += len(pcm)
            yield pcm
        self.ends_damaged = self._has_junk
        yield converter.flush()

    def _note_damage(self, position_s: float, gap_s: float) -> None:
        """Add the place before a frame to the damage, if it is damaged."""
        # A frame that the decoder still held does not show that the file continues.
        if self._since_error_s > _READ_AHEAD_S or self._is_flushing:
            return
        self.damage.add(position_s, position_s + gap_s, has_junk=self._has_junk and position_s > 0)
        self._has_junk = False

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Yield all frames that can be decoded."""
        for packet in self._packets():
            self._is_flushing = not packet.size
            try:
                with self._watching_errors():
                    frames = packet.decode()
            except av.FFmpegError:
                self._skip(packet)
                continue
            if packet.size and frames and self._count:
                self._count.add(packet)
            yield from frames

    def _packets(self) -> Iterator["Packet[AudioStream]"]:
        """Yield all packets. Continue after errors of the demuxer, if it can."""
        packets, errors = self._container.demux(self._stream), 0
        while errors < _MAX_ERRORS:
            try:
                with self._watching_errors():
                    packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._since_error_s, self._has_junk = 0.0, True
                packets, errors = self._container.demux(self._stream), errors + 1
                continue
            if packet is None:
                return
            errors = 0
            yield packet

    def _skip(self, packet: "Packet[AudioStream]") -> None:
        data = bytes(packet)
        if is_tag(data):
            return
        self._since_error_s, self._has_junk = 0.0, True
        if self._count is None:
            return
        if self._count.awaits_scan:
            with av.open(self._container.name, container_options={"protocol_whitelist": "file"}) as again:
                self._count.scan(again.demux(audio=0))
        self._count.add_damaged(packet)

    @contextmanager
    def _watching_errors(self) -> Iterator[None]:
        """Note errors that FFmpeg only logs: demuxers skip damaged pages and clusters without an exception."""
        level = av.logging.get_level()
        av.logging.set_level(av.logging.ERROR)
        av.logging.set_skip_repeated(False)
        try:
            with av.logging.Capture() as logs:
                yield
        finally:
            av.logging.set_level(level)
        if logs:
            self._since_error_s = 0.0


def silence(seconds: float, bytes_per_s: int = BYTES_PER_SECOND) -> Iterator[bytes]:
    """Yield silence a second at a time: a timestamp may claim days."""
    left = round(seconds * SAMPLE_RATE) * bytes_per_s // SAMPLE_RATE
    while left > 0:
        yield bytes(min(left, bytes_per_s))
        left -= bytes_per_s
