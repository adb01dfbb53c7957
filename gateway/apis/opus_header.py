"""The number of channels of an Opus stream in WebM or Ogg, from its first bytes. Pure."""

from backend.errors import ProtocolError
from gateway.apis.wav_header import MAX_HEADER_BYTES
from gateway.audio.containers.ogg import OggReader
from gateway.audio.containers.packets import OPUS_HEAD
from gateway.audio.containers.webm import WebmReader

# Offset of the number in the header (RFC 7845, section 5.1).
_CHANNELS_AT = 9


class OpusHeaderReader:
    """Reads the beginning of a stream, which may arrive in pieces."""

    def __init__(self, encoding: str) -> None:
        self._reader = WebmReader() if encoding == "webm" else OggReader()
        self._bytes = 0

    def count_channels(self, data: bytes) -> int | None:
        """Read the next bytes. Returns None as long as more are needed.

        Raises ProtocolError, and AudioError if the bytes are not of this container.
        """
        self._bytes += len(data)
        for packet in self._reader.read_packets(data):
            if packet.data.startswith(OPUS_HEAD) and len(packet.data) > _CHANNELS_AT:
                return packet.data[_CHANNELS_AT]
        if self._bytes > MAX_HEADER_BYTES:
            raise ProtocolError("the container has no Opus header", code="invalid_audio")
        return None
