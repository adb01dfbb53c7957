"""The audio of a client whose protocol does not have to name its format. Pure."""

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat
from gateway.apis.wav_header import WavHeader, parse_wav_header


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
    """The audio of one connection. `audio` None: its first bytes tell the format."""

    def __init__(self, audio: AudioFormat | None) -> None:
        self.format = audio
        # Bytes that may be the begin of a container's header.
        self._header = b""
        self._bytes = 0

    def receive(self, data: bytes) -> bytes:
        """Return the audio to pass on. Raises ProtocolError for unknown containers."""
        if self.format is None:
            data, self._header = self._header + data, b""
            found = detect_format(data)
            if found is None:
                self._header = data
                return b""
            self.format, data = found.audio, data[found.size :]
        self._bytes += len(data)
        return data

    @property
    def milliseconds(self) -> int | None:
        """The duration so far. None for containers, whose bytes say nothing about time."""
        per_second = self.format and self.format.bytes_per_second
        return 1000 * self._bytes // per_second if per_second else None
