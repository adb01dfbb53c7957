"""The header of a WAV stream."""

import struct
import wave
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from gateway.apis.wav_header import parse_wav_header


def header(tag: int, bits: int, *, rate: int = 16_000, channels: int = 1, extra: bytes = b"") -> bytes:
    size = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * size, size, bits) + extra
    return b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", form) + chunk(b"LIST", b"odd") + b"data" + struct.pack("<I", 0)


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


@pytest.mark.parametrize(
    ("tag", "bits", "encoding"), [(1, 16, "pcm_s16le"), (3, 32, "pcm_f32le"), (6, 8, "alaw"), (7, 8, "mulaw")]
)
def test_served_formats_are_recognized(tag: int, bits: int, encoding: str) -> None:
    data = header(tag, bits, rate=8_000, channels=2)
    found = parse_wav_header(data + b"samples")
    assert found is not None
    assert (found.audio.encoding, found.audio.sample_rate, found.audio.channels) == (encoding, 8_000, 2)
    assert found.size == len(data)


def test_the_extensible_format_names_another() -> None:
    extension = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + bytes(14)
    found = parse_wav_header(header(0xFFFE, 16, extra=extension))
    assert found is not None
    assert found.audio.encoding == "pcm_s16le"


def test_a_file_of_the_standard_library_is_read() -> None:
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, 24_000, 0, "NONE", ""))
        written.writeframes(b"\1\2" * 10)
    found = parse_wav_header(file.getvalue())
    assert found is not None
    assert file.getvalue()[found.size :] == b"\1\2" * 10


@given(st.data())
def test_more_bytes_are_awaited_until_the_samples_begin(data: st.DataObject) -> None:
    whole = header(1, 16)
    cut = data.draw(st.integers(12, len(whole) - 1))
    assert parse_wav_header(whole[:cut]) is None


@pytest.mark.parametrize(
    "data", [header(1, 24), header(85, 0), b"RIFF\0\0\0\0AVI fmt ", b"RIFF\0\0\0\0WAVEdata\0\0\0\0"]
)
def test_other_formats_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_wav_header(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_refused_or_awaited(data: bytes) -> None:
    try:
        found = parse_wav_header(b"RIFF\0\0\0\0WAVE" + data)
    except ProtocolError:
        return
    assert found is None or found.size <= len(data) + 12


def test_a_header_of_many_chunks_is_refused() -> None:
    """It would be parsed again for each piece in which it arrives."""
    with pytest.raises(ProtocolError, match="too long"):
        parse_wav_header(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 101)
