"""The header of a WAV stream (RIFF, Multimedia Programming Interface and Data Specifications 1.0). Pure."""

import struct
from dataclasses import dataclass

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat

# Format tag and bits per sample, by native name.
_FORMATS = {(1, 16): "pcm_s16le", (3, 32): "pcm_f32le", (6, 8): "alaw", (7, 8): "mulaw"}
# The tag that refers to the first two bytes of an identifier at offset 24 of the format.
_EXTENSIBLE = 0xFFFE
# Headers with more bytes or chunks before the samples are not accepted; up to five chunks are usual. A header that
# arrives in many pieces is parsed as often.
MAX_HEADER_BYTES, MAX_CHUNKS = 1 << 16, 100


@dataclass(frozen=True, slots=True)
class WavHeader:
    """The audio of a stream, and the bytes before its samples."""

    audio: AudioFormat
    size: int


def parse_wav_header(data: bytes) -> WavHeader | None:
    """Parse the beginning of a stream. None: more bytes are needed. Raises ProtocolError `invalid_audio`."""
    at, audio, chunks = 12, None, 0
    if len(data) >= 12 and data[8:12] != b"WAVE":
        raise _invalid("the RIFF file is not WAVE")
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at, chunks = at + 8, chunks + 1
        if name == b"data":
            if audio is None:
                raise _invalid("the WAV header has no format")
            return WavHeader(audio, at)
        if at + size > MAX_HEADER_BYTES or chunks > MAX_CHUNKS:
            raise _invalid("the WAV header is too long")
        if at + size > len(data):
            return None
        if name == b"fmt ":
            audio = _format(data[at : at + size])
        at += size + size % 2
    return None


def _format(chunk: bytes) -> AudioFormat:
    if len(chunk) < 16:
        raise _invalid("the WAV format is too short")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if (tag, bits) not in _FORMATS:
        raise _invalid(f"WAV format {tag} with {bits} bits is not served")
    return AudioFormat.model_validate({"encoding": _FORMATS[tag, bits], "sample_rate": rate, "channels": channels})


def _invalid(message: str) -> ProtocolError:
    return ProtocolError(message, code="invalid_audio")
