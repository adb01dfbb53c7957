"""The audio of a client whose protocol does not have to name its format. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Start, Stop
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

    `audio` None: its first bytes tell the format. `options` returns the other fields of `start`.
    """

    def __init__(self, audio: AudioFormat | None, options: Callable[[], Mapping[str, Any]] = dict) -> None:
        self.format, self._options = audio, options
        self.is_started = self.is_stopped = False
        # Bytes that may be the begin of a container's header.
        self._header = b""
        self._bytes = 0

    def start(self) -> Sequence[Decoded]:
        """Start the session, once, if the format is known."""
        if self.is_started or self.format is None:
            return ()
        self.is_started = True
        return (Start(audio=self.format, **self._options()),)

    def receive(self, data: bytes) -> Sequence[Decoded]:
        """Pass audio on, after a start if that is due. Raises ProtocolError for unknown containers."""
        if self.format is None:
            data, self._header = self._header + data, b""
            found = detect_format(data)
            if found is None:
                self._header = data
                return ()
            self.format, data = found.audio, data[found.size :]
        self._bytes += len(data)
        return (*self.start(), *((data,) if data else ()))

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
