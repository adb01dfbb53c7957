"""The audio of a client whose protocol does not have to name its format. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Start, Stop
from gateway.apis.opus_header import OpusHeaderReader
from gateway.apis.wav_header import WavHeader, parse_wav_header
from gateway.connection.codec import Decoded


def detect_format(data: bytes) -> WavHeader | None:
    """The format of a container, and the size of its header if it is not passed on. None: more bytes are needed.

    Raises ProtocolError for other containers.
    """
    if len(data) < 4:
        return None
    if data.startswith(b"OggS"):
        return WavHeader(AudioFormat(encoding="ogg"), 0)
    if data.startswith(b"\x1aE\xdf\xa3"):
        return WavHeader(AudioFormat(encoding="webm"), 0)
    if data.startswith(b"RIFF"):
        return parse_wav_header(data)
    raise ProtocolError("the audio is neither WAV, Ogg nor WebM; name its format", code="invalid_audio")


class ReceivedAudio:
    """The audio of one connection, between a native `start` and `stop`.

    `audio` None: its first bytes tell the format. `options` returns the other fields of `start`. With `multichannel`,
    the channels are recognized separately, so a container must tell how many there are before the session starts.
    """

    def __init__(
        self, audio: AudioFormat | None, options: Callable[[], Mapping[str, Any]] = dict, *, multichannel: bool = False
    ) -> None:
        self._options, self._multichannel = options, multichannel
        self.format: AudioFormat | None = None
        # A container whose number of channels is not known yet.
        self._container: tuple[AudioFormat, OpusHeaderReader] | None = None
        self.is_started = self.is_stopped = False
        # Bytes that may be the begin of a container's header.
        self._header = b""
        self._bytes = 0
        if audio:
            self._use(audio)

    def start(self) -> Sequence[Decoded]:
        """Start the session, once, if the format is known."""
        if self.is_started or self.format is None:
            return ()
        self.is_started = True
        return (Start(audio=self.format, **self._options(), multichannel=self._multichannel),)

    def receive(self, data: bytes) -> Sequence[Decoded]:
        """Pass audio on, after a start if that is due. Raises ProtocolError and AudioError for unknown containers."""
        if self.format is None:
            fresh, data, self._header = data, self._header + data, b""
            used = self._detect(data, fresh)
            if self.format is None:
                self._header = data
                return ()
            data = data[used:]
        self._bytes += len(data)
        return (*self.start(), *((data,) if data else ()))

    def _detect(self, data: bytes, fresh: bytes) -> int:
        """Find the format of the beginning of a stream, which ends with fresh bytes. Returns the size of a header."""
        if self._container:
            self._count_channels(fresh)
            return 0
        if (found := detect_format(data)) is None:
            return 0
        self._use(found.audio)
        if self._container:
            self._count_channels(data)
        return found.size

    def _use(self, audio: AudioFormat) -> None:
        if self._multichannel and audio.bytes_per_second is None:
            self._container = audio, OpusHeaderReader(audio.encoding)
        else:
            self.format = audio

    def _count_channels(self, data: bytes) -> None:
        assert self._container
        audio, reader = self._container
        if channels := reader.count_channels(data):
            self.format = audio.model_copy(update={"channels": channels})

    def stop(self) -> Sequence[Decoded]:
        """Stop the session, once."""
        if self.is_stopped:
            return ()
        self.is_stopped = True
        # A session must be open before it can be stopped, also without audio.
        self.format = self.format or AudioFormat()
        return (*self.start(), Stop())

    @property
    def milliseconds(self) -> int | None:
        """The duration so far. None for containers, whose bytes say nothing about time."""
        per_second = self.format and self.format.bytes_per_second
        return 1000 * self._bytes // per_second if per_second else None
