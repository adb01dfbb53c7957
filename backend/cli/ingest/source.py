"""One connection to a source: opens it with FFmpeg and decodes its audio to 16 kHz."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition

from backend.audio.timeline import Timeline
from backend.cli.files.media.conversion import FrameConverter
from backend.cli.files.media.errors import NoAudioError
from backend.cli.files.media.sound import silence
from backend.cli.ingest.address import SourceAddress
from backend.cli.ingest.errors import LostSourceError, UnreachableSourceError, UnsupportedSourceError
from backend.text.printable import printable

# A longer jump of the timestamps is a new beginning of the encoder, not lost audio.
MAX_GAP_S = 30.0
# A playlist offers its last segments again after a reconnect, at most about this much.
_MAX_REPEATED_S = 300.0


@dataclass(frozen=True, slots=True)
class SourceTimeouts:
    """Seconds until a source that does not answer, and one that sends nothing more, are given up."""

    open_s: float
    stall_s: float


class SourceConnection:
    """An opened source. It can be read once. `last_s` is the timestamp after the last audio, if there is one.

    `is_endless`: the source declares no length, so its end is unexpected.
    """

    def __init__(
        self, container: InputContainer, stream: AudioStream, address: SourceAddress, after_s: float | None
    ) -> None:
        self.is_endless = address.is_remote and not container.duration
        self.last_s: float | None = None
        self._container, self._stream, self._name = container, stream, address.name
        self._after_s = after_s if container.format.name == "hls" else None

    def read(self) -> Iterator[bytes]:
        """Yield s16le PCM, mono, up to the end. Lost packets become silence. Raises LostSourceError."""
        converter, timeline, position_s = FrameConverter(), Timeline(MAX_GAP_S, origin_s=None), 0.0
        for frame in self._frames():
            length_s = frame.samples / frame.sample_rate
            if frame.time is not None:
                if self._is_repeated(frame.time):
                    continue
                self.last_s = frame.time + length_s
                if gap_s := timeline.gap_before(frame.time, position_s):
                    position_s += gap_s
                    yield converter.drain()
                    yield from silence(gap_s)
            position_s += length_s
            yield converter.convert(frame)
        yield converter.flush()

    def close(self) -> None:
        """Close the connection."""
        self._container.close()

    def _is_repeated(self, time_s: float) -> bool:
        """Whether the connection before this one has delivered this frame."""
        if self._after_s is not None and self._after_s - _MAX_REPEATED_S <= time_s < self._after_s:
            return True
        self._after_s = None
        return False

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Yield the frames that can be decoded. The first packets of a live stream often cannot be."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    continue
        except av.error.ExitError:
            raise LostSourceError(f"{self._name} has stalled") from None
        except (av.FFmpegError, OSError) as error:
            # FFmpeg reports the end of an HTTP stream without a length as this error.
            if self.is_endless and error.errno == errno.EIO:
                return
            raise LostSourceError(f"{self._name} failed: {_reason(error)}") from None


def open_source(address: SourceAddress, timeouts: SourceTimeouts, after_s: float | None = None) -> SourceConnection:
    """Connect to a source. Its audio before the timestamp `after_s` is left out if it is a playlist.

    Raises UnreachableSourceError, UnsupportedSourceError or NoAudioError.
    """
    name = printable(address.name)
    options = address.options(frozenset(av.formats_available))
    timeout = (timeouts.open_s, timeouts.stall_s)
    try:
        container = av.open(address.url, metadata_errors="replace", container_options=options, timeout=timeout)
    except av.error.ProtocolNotFoundError:
        raise UnsupportedSourceError(
            f"{name} cannot be read: this build of FFmpeg lacks the protocol. Pipe it: ffmpeg -i URL -f mpegts - | "
            "nova ingest -"
        ) from None
    except av.error.ExitError:
        raise UnreachableSourceError(f"{name} has not answered within {timeouts.open_s:g} s") from None
    except (av.error.InvalidDataError, av.error.ArgumentError):
        raise UnreachableSourceError(f"{name} is neither audio nor video") from None
    except (av.FFmpegError, OSError) as error:
        raise UnreachableSourceError(f"{name} cannot be read: {_reason(error)}") from None
    try:
        return SourceConnection(container, _audio_stream(container, name), address, after_s)
    except BaseException:
        container.close()
        raise


def _audio_stream(container: InputContainer, name: str) -> AudioStream:
    """The default audio track, or the first one. FFmpeg does not download the others."""
    tracks = container.streams.audio
    if not tracks:
        raise NoAudioError(f"{name} has no audio track")
    chosen = next((track for track in tracks if track.disposition & Disposition.default), tracks[0])
    for stream in container.streams:
        stream.discard = Discard.default if stream.index == chosen.index else Discard.all
    return chosen


def _reason(error: Exception) -> str:
    """Why FFmpeg failed, such as "Connection refused"."""
    number = getattr(error, "errno", None) or 0
    if number == errno.EIO:  # FFmpeg's code for a connection that ends too early
        return "the connection was closed"
    return getattr(error, "strerror", None) or os.strerror(number)
