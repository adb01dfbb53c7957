"""Files that are damaged in the middle: later times stay right, and the damaged place is named."""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from backend.cli.files.media.errors import DamagedAudioError, MediaError, TruncatedAudioError
from backend.cli.files.media.recording import open_recording

RATE = 16_000
SECONDS = 16
# A sound of its own in every second, whose centre is 0.5 s after its beginning.
BEEP = RATE // 4
# Cues behind the damage may be wrong by this much.
MAX_ERROR_S = 0.1

# Suffix, codec, options of the container, options of the codec.
Kind = tuple[str, str, Mapping[str, str], Mapping[str, str]]
FILES: dict[str, Kind] = {
    "wav": (".wav", "pcm_s16le", {}, {}),
    "flac": (".flac", "flac", {}, {}),
    "mp3": (".mp3", "libmp3lame", {}, {}),
    "mp3 with a variable bit rate": (".mp3", "libmp3lame", {}, {"flags": "+qscale", "global_quality": "590"}),
    "mp3 without a header": (".mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}, {}),
    "ogg": (".ogg", "libopus", {}, {}),
    "webm": (".webm", "libopus", {"cluster_time_limit": "1000"}, {}),
    "mkv": (".mkv", "aac", {"cluster_time_limit": "1000"}, {}),
    "m4a": (".m4a", "aac", {}, {}),
    "mp4 with its index first": (".mp4", "aac", {"movflags": "faststart"}, {}),
    "ts": (".ts", "aac", {}, {}),
}


def beep(number: int) -> NDArray[np.float64]:
    return np.hanning(BEEP) * np.sin(2 * np.pi * (500 + 60 * number) * np.arange(BEEP) / RATE)


@cache
def whole(kind: str) -> bytes:
    """A file of this kind, with a quiet noise and a beep in every second."""
    suffix, codec, container_options, codec_options = FILES[kind]
    samples = np.random.default_rng(3).normal(0, 200, SECONDS * RATE)
    for number in range(SECONDS):
        at = number * RATE + RATE // 2 - BEEP // 2
        samples[at : at + BEEP] += 9_000 * beep(number)
    frame = av.AudioFrame.from_ndarray(samples.astype(np.int16).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    with TemporaryDirectory() as folder:
        path = Path(folder, f"whole{suffix}")
        with av.open(str(path), "w", options=dict(container_options)) as container:
            rate = 48_000 if codec == "libopus" else RATE
            stream = container.add_stream(codec, rate=rate, layout="mono", options=dict(codec_options))
            assert isinstance(stream, AudioStream)
            form = stream.codec_context
            resampler = av.AudioResampler(form.format, "mono", form.sample_rate, frame_size=form.frame_size or 1_024)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(piece))
            container.mux(stream.encode())
        return path.read_bytes()


def damaged(data: bytes, how: str) -> bytes:
    size, at = len(data) // 15, len(data) // 2
    junk = np.random.default_rng(5).integers(0, 256, size, dtype=np.uint8).tobytes()
    match how:
        case "zeroed":
            return data[:at] + bytes(size) + data[at + size :]
        case "overwritten":
            return data[:at] + junk + data[at + size :]
        case "removed":
            return data[:at] + data[at + size :]
        case "inserted":
            return data[:at] + junk + data[at:]
        case _:
            return data[: int(0.7 * len(data))]


def read(kind: str, how: str, folder: Path) -> tuple[dict[int, float], str, type[MediaError] | None]:
    """The time of each beep that is found, and what the error says."""
    path = folder / f"damaged{FILES[kind][0]}"
    path.write_bytes(damaged(whole(kind), how))
    pcm, error = bytearray(), None
    try:
        with open_recording(path) as recording:
            for block in iter(recording.read, b""):
                pcm += block
    except MediaError as raised:
        error = raised
    message = error.message.removeprefix(str(path)) if error else ""
    return times_of_beeps(np.frombuffer(bytes(pcm), "<i2").astype(float)), message, type(error) if error else None


def times_of_beeps(samples: NDArray[np.float64]) -> dict[int, float]:
    """The centre of each beep in seconds, by the peak of the correlation with it."""
    size = 1 << (len(samples) + BEEP).bit_length()
    spectrum, window = np.fft.rfft(samples, size), np.hanning(BEEP)
    found = {}
    for number in range(SECONDS):
        match = np.abs(np.fft.irfft(spectrum * np.conj(np.fft.rfft(beep(number), size)), size))[: len(samples)]
        if match.max() > 0.5 * 9_000 * (window @ window) / 2:
            found[number] = (int(match.argmax()) + BEEP / 2) / RATE
    return found


def errors_s(found: Mapping[int, float], numbers: range) -> list[float]:
    return [abs(found[number] - number - 0.5) for number in numbers if number in found]


@pytest.mark.parametrize("how", ["zeroed", "overwritten", "removed", "inserted"])
@pytest.mark.parametrize("kind", ["flac", "mp3", "mp3 with a variable bit rate", "ogg", "webm", "mkv", "ts"])
def test_times_behind_the_damage_are_right_and_its_place_is_named(kind: str, how: str, tmp_path: Path) -> None:
    found, message, error = read(kind, how, tmp_path)
    before, behind = errors_s(found, range(7)), errors_s(found, range(11, SECONDS))
    assert len(before) == 7
    assert len(behind) == SECONDS - 11
    assert max(before + behind) <= MAX_ERROR_S
    if kind == "flac" and how == "inserted":
        return  # no sound is lost
    assert error is DamagedAudioError
    place = re.fullmatch(
        r" is damaged (?:at|between) (\d+\.\d) s(?: and (\d+\.\d) s)?; the rest was transcribed", message
    )
    assert place, message
    assert 6 <= float(place[1]) <= float(place[2] or place[1]) <= 11


@pytest.mark.parametrize("how", ["zeroed", "overwritten"])
@pytest.mark.parametrize("kind", ["wav", "m4a", "mp4 with its index first", "mp3 without a header"])
def test_times_behind_overwritten_bytes_are_right_in_formats_without_places(
    kind: str, how: str, tmp_path: Path
) -> None:
    found, message, error = read(kind, how, tmp_path)
    assert max(errors_s(found, range(11, SECONDS))) <= MAX_ERROR_S
    if kind != "wav":  # any bytes are samples
        assert error is DamagedAudioError
    assert ("Times after the damage are estimates" in message) == (kind == "mp3 without a header")


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"m4a", "mp3 without a header", "ts"}))
def test_a_truncated_file_names_its_end(kind: str, tmp_path: Path) -> None:
    found, message, error = read(kind, "truncated", tmp_path)
    assert error is TruncatedAudioError
    place = re.match(r" is truncated: it ends at (\d+\.\d) s", message)
    assert place, message
    assert 0.6 * SECONDS < float(place[1]) < 0.8 * SECONDS
    assert max(errors_s(found, range(SECONDS))) <= MAX_ERROR_S
