"""Files with several tracks, sound that starts late, and samples that are not numbers."""

import struct
from contextlib import nullcontext
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from backend.cli.files.media.errors import DamagedAudioError, TooManyChannelsError
from backend.cli.files.media.recording import open_recording
from tests.testkit.audio.media_files import encode
from tests.testkit.system.command import nova

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def write_tagged(path: Path, *titles: str) -> Path:
    """Write a Matroska file with a second of tone in a French track for each title, and in an English default track."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in (*titles, "")]
        for stream, title in zip(streams, (*titles, ""), strict=True):
            stream.metadata.update({"language": "eng"} if not title else {"language": "fre", "title": title})
            stream.disposition = Disposition(0) if title else Disposition.default
        for number, stream in enumerate(streams):
            samples = (32_767 * tone(300 + 400 * number)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    return path


def write(path: Path, *tracks: NDArray[np.float32], default: int = 0, starts_s: tuple[float, ...] = (0.0, 0.0)) -> Path:
    """Write a Matroska file with one track of float samples for each array."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_f32le", rate=RATE, layout="mono") for _ in tracks]
        streams[default].disposition = Disposition.default
        for stream, samples, start_s in zip(streams, tracks, starts_s, strict=False):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, int(start_s * RATE)
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    return path


def test_the_channels_of_a_track_are_read_separately_with_gaps_filled_in_all(tmp_path: Path) -> None:
    both = np.stack([tone(300), tone(900)], axis=1)
    path = encode(tmp_path / "both.mkv", (20_000 * both).astype(np.int16), starts_s=0.5, codec="pcm_s16le")
    with open_recording(path, separate=True) as recording:
        assert recording.channels == 2
        separate = np.frombuffer(b"".join(iter(recording.read, b"")), "<i2").reshape(-1, 2)
        assert recording.position_s == pytest.approx(1.5, abs=0.01)
    assert not separate[: int(0.49 * RATE)].any()
    assert [round(pitch(separate[RATE // 2 :, channel])) for channel in (0, 1)] == [300, 900]


def test_a_track_with_too_many_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="hexadecagonal")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16 * RATE), np.int16), format="s16", layout="hexadecagonal")
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(TooManyChannelsError, match="16 channels"), open_recording(path, separate=True):
        pass
    with open_recording(path) as mixed:
        assert mixed.channels == 1


def read(path: Path, track: int | None = None) -> NDArray[np.int16]:
    with open_recording(path, track) as recording:
        return np.frombuffer(b"".join(iter(recording.read, b"")), "<i2")


def pitch(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.argmax(spectrum) * RATE / len(samples))


def test_the_default_track_is_read(tmp_path: Path) -> None:
    for default, hertz in enumerate((300.0, 700.0)):
        path = write(tmp_path / f"{default}.mkv", tone(300), tone(700), default=default)
        assert abs(pitch(read(path)) - hertz) < 5


def test_samples_that_are_not_numbers_are_silence(tmp_path: Path) -> None:
    damaged, expected = tone(300), tone(300)
    damaged[4_000:4_400:40], expected[4_000:4_400:40] = np.nan, 0
    damaged[9_000], expected[9_000] = np.inf, 0
    difference = read(write(tmp_path / "a.mkv", damaged)) - np.rint(expected * 32_767)
    assert np.abs(difference).max() <= 2


def test_sound_that_starts_late_keeps_its_time(tmp_path: Path) -> None:
    path = write(tmp_path / "late.mkv", tone(300, 5.0), tone(700), default=1, starts_s=(0.0, 3.0))
    samples = read(path)
    assert abs(int(np.flatnonzero(np.abs(samples) > 1_000)[0]) - 3 * RATE) < RATE // 10


def test_the_chosen_track_is_read(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "film.mkv", "Director")
    assert [round(pitch(read(path, track)) / 100) for track in (1, 2, None)] == [3, 7, 7]


def test_the_command_names_the_tracks_once_unless_one_is_chosen(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "film.mkv", "Director", "Two\nlines")
    names = '1 (fre, "Director", pcm_s16le), 2 (fre, "Two\\nlines", pcm_s16le), 3 (eng, pcm_s16le, default)'
    nowhere = ("--server", "127.0.0.1:1")
    said = nova("transcribe", path, *nowhere).stderr.splitlines()
    expected = f"nova: {path} has 3 audio tracks: {names}. Track 3 is read; choose another with --track"
    assert [line for line in said if "track" in line] == [expected]
    assert "track" not in nova("transcribe", path, "--track", "1", *nowhere).stderr


def test_a_track_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "film.mkv", "Director")
    done = nova("transcribe", path, "--track", "3")
    assert (done.returncode, done.stdout) == (2, "")
    names = '1 (fre, "Director", pcm_s16le), 2 (eng, pcm_s16le, default)'
    assert done.stderr == f"nova: {path} has no audio track 3. Its audio tracks: {names}\n"
    assert nova("transcribe", path, "--track", "0").returncode == 2


def test_a_channel_that_is_the_inverse_of_the_other_does_not_silence_a_file(tmp_path: Path) -> None:
    voice = (20_000 * tone(300)).astype(np.int16)
    path = encode(tmp_path / "inverted.flac", np.stack([voice, -voice], axis=1))
    samples = read(path)[RATE // 10 :].astype(float)
    assert np.sqrt(np.mean(samples**2)) > 0.9 * np.sqrt(np.mean(voice.astype(float) ** 2))


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "flac"), ("a.webm", "libopus"), ("a.m4a", "aac")])
def test_sound_that_starts_late_in_a_file_without_a_picture_keeps_its_time(
    name: str, codec: str, tmp_path: Path
) -> None:
    path = encode(tmp_path / name, (20_000 * tone(300)).astype(np.int16), starts_s=8.0, codec=codec)
    first = int(np.flatnonzero(np.abs(read(path)) > 1_000)[0])
    assert abs(first - 8 * RATE) < RATE // 10


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.m4a", "a.ts"])
@pytest.mark.parametrize("options", [{}, {"live": "1"}])
def test_pauses_that_were_left_out_keep_their_length(name: str, options: dict[str, str], tmp_path: Path) -> None:
    codec = {"a.webm": "libopus"}.get(name, "aac")
    beep = (20_000 * tone(300)).astype(np.int16)
    path = encode(
        tmp_path / name, beep, codec=codec, again_s=9.0, options=options if name in {"a.mkv", "a.webm"} else {}
    )
    loud = np.flatnonzero(np.abs(read(path)) > 1_000)
    second = int(loud[np.argmax(np.diff(loud)) + 1])
    assert abs(second - int(loud[0]) - 9 * RATE) < RATE // 10


def wav(path: Path, code: int, samples: NDArray[np.generic], size: int | None = None, after: bytes = b"") -> Path:
    """Write a mono WAV file with this format code. `size` is the length that its header declares."""
    data, width = samples.tobytes(), samples.dtype.itemsize
    form = struct.pack("<HHIIHH", code, 1, RATE, RATE * width, width, 8 * width)
    size = len(data) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data + after
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize(
    ("code", "samples"),
    [
        (1, (127 * tone(300) + 128).astype(np.uint8)),
        (1, (32_767 * tone(300)).astype("<i2")),
        (1, (2**31 * tone(300).astype(np.float64)).astype("<i4")),
        (3, tone(300).astype("<f4")),
        (3, tone(300).astype("<f8")),
    ],
)
def test_samples_of_every_kind_are_read_at_the_same_level(
    code: int, samples: NDArray[np.generic], tmp_path: Path
) -> None:
    difference = read(wav(tmp_path / "a.wav", code, samples)) - np.rint(tone(300) * 32_767)
    assert np.abs(difference).max() <= 400


@pytest.mark.parametrize("size", [0, 1, 10_000, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_wav_with_a_wrong_length_is_read_to_its_end(size: int, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 1, (32_767 * tone(300)).astype("<i2"), size)
    with open_recording(path) as recording:
        pcm = bytearray()
        with pytest.raises(DamagedAudioError, match="of sound although") if 0 < size < 20_000 else nullcontext():
            while block := recording.read():
                pcm += block
    assert len(pcm) == pytest.approx(2 * RATE, abs=200)


def test_chunks_behind_the_sound_of_a_wav_are_not_read_as_sound(tmp_path: Path) -> None:
    after = b"LIST" + struct.pack("<I", 4) + b"INFO" + b"id3 " + struct.pack("<I", 3) + b"abc\x00"
    assert len(read(wav(tmp_path / "a.wav", 1, (32_767 * tone(300)).astype("<i2"), None, after))) == RATE
