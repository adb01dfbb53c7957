"""Every raw format comes out as the same 16 kHz mono int16, soon, and however its bytes are cut."""

import os
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.errors import AudioError
from backend.messages.channels import MAX_CHANNELS
from backend.messages.protocol import AudioFormat
from gateway.audio.decoder import AudioInputDecoder, RawDecoder

RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
S16 = AudioFormat(encoding="pcm_s16le")


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0, peak: float = 0.5) -> NDArray[np.float32]:
    time = np.arange(int(rate * seconds)) / rate
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def as_s16(waveform: NDArray[np.float32]) -> bytes:
    return np.rint(waveform * 32_767).astype("<i2").tobytes()


def joined(pieces: Iterable[NDArray[np.int16]]) -> NDArray[np.int16]:
    return np.concatenate([np.empty(0, np.int16), *pieces])


def decoded(audio: AudioFormat, data: bytes) -> NDArray[np.int16]:
    decoder = RawDecoder(audio)
    return joined([*decoder.decode(data), decoder.flush()])


def refused(act: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(AudioError) as caught:
        act()
    assert caught.value.fatal
    return caught.value.code, caught.value.close_code


@given(st.lists(st.integers(-32_768, 32_767), max_size=200))
def test_16_khz_mono_is_not_changed(values: list[int]) -> None:
    samples = np.array(values, "<i2")
    assert decoded(S16, samples.tobytes()).tolist() == values


@pytest.mark.parametrize(("encoding", "codec"), [("mulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")])
def test_every_g711_code_decodes_to_the_value_of_ffmpeg(encoding: str, codec: str) -> None:
    every_code = bytes(range(256))
    reference = av.CodecContext.create(codec, "r")
    assert isinstance(reference, av.AudioCodecContext)
    reference.sample_rate, reference.layout = 16_000, "mono"
    [frame] = reference.decode(av.Packet(every_code))
    audio = AudioFormat.model_validate({"encoding": encoding})
    assert decoded(audio, every_code).tolist() == frame.to_ndarray()[0].tolist()


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_pitch_loudness_and_length_at_every_rate(rate: int) -> None:
    out = decoded(AudioFormat(sample_rate=rate), as_s16(tone(rate)))
    assert abs(len(out) - 16_000) <= 32
    middle = out[1_000:15_000].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 * 32_767 / np.sqrt(2), rel=0.01)


def test_frequencies_above_8_khz_are_filtered_without_aliasing() -> None:
    out = decoded(AudioFormat(sample_rate=48_000), as_s16(tone(48_000, hertz=11_000)))
    assert np.abs(out[1_000:-1_000]).max() < 10


@pytest.mark.parametrize("rate", RATES)
def test_resampling_delays_audio_by_at_most_three_milliseconds(rate: int) -> None:
    decoder, out, step = RawDecoder(AudioFormat(sample_rate=rate)), 0, rate // 50
    for count in range(1, 51):
        out += len(joined(decoder.decode(bytes(2 * step))))
        assert count * step / rate - out / 16_000 < 0.003


def test_stereo_is_mixed_to_the_mean_of_both_channels() -> None:
    both = np.array([[1_000, 3_000], [-8_000, 2_000], [32_767, 32_767]], "<i2")
    assert decoded(AudioFormat(channels=2), both.tobytes()).tolist() == [2_000, -3_000, 32_767]


def test_floats_are_scaled_and_clipped() -> None:
    values = np.array([0.0, 0.5, -1.0, 1.0, 7.0, -1e30], "<f4")
    out = decoded(AudioFormat(encoding="pcm_f32le"), values.tobytes())
    assert out.tolist() == [0, 16_384, -32_768, 32_767, 32_767, -32_768]


@given(
    st.sampled_from(RATES),
    st.sampled_from([1, 2]),
    st.lists(st.tuples(st.integers(0, 999), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=20),
)
def test_samples_that_are_not_numbers_are_silence(rate: int, channels: int, bad: list[tuple[int, float]]) -> None:
    audio = AudioFormat(encoding="pcm_f32le", sample_rate=rate, channels=channels)
    damaged = np.resize(tone(rate), 1_000 * channels).astype("<f4")
    silenced = damaged.copy()
    for at, value in bad:
        damaged[at], silenced[at] = value, 0
    np.testing.assert_array_equal(decoded(audio, damaged.tobytes()), decoded(audio, silenced.tobytes()))


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_an_inverted_second_channel_does_not_silence_the_first(rate: int) -> None:
    first = tone(rate)
    audio = AudioFormat(sample_rate=rate, channels=2)
    mixed = decoded(audio, as_s16(np.stack([first, -first], axis=1)))
    np.testing.assert_allclose(mixed[2_000:], decoded(AudioFormat(sample_rate=rate), as_s16(first))[2_000:], atol=2)


@given(st.sampled_from(RATES), st.lists(st.integers(0, 900), max_size=12))
def test_the_result_does_not_depend_on_how_the_bytes_are_split(rate: int, cuts: list[int]) -> None:
    audio, data = AudioFormat(sample_rate=rate), as_s16(tone(rate, seconds=0.1))
    decoder, at, pieces = RawDecoder(audio), 0, list[NDArray[np.int16]]()
    for size in [*cuts, len(data)]:
        pieces += decoder.decode(data[at : at + 2 * size])
        at += 2 * size
    np.testing.assert_array_equal(np.concatenate([*pieces, decoder.flush()]), decoded(audio, data))


@pytest.mark.parametrize("rate", [-1, 0, 7_999, 48_001, 10**9])
def test_a_rate_out_of_range_is_refused(rate: int) -> None:
    assert refused(lambda: AudioInputDecoder(AudioFormat(sample_rate=rate))) == ("unsupported_sample_rate", 1003)


@pytest.mark.parametrize(
    "audio",
    [
        S16,
        AudioFormat(sample_rate=8_000),
        AudioFormat(encoding="pcm_f32le", sample_rate=48_000),
        AudioFormat(encoding="alaw"),
    ],
)
@given(channels=st.integers(1, MAX_CHANNELS), cuts=st.lists(st.integers(0, 4_000), max_size=4), data=st.data())
def test_one_channel_of_several_is_decoded_as_if_it_were_alone(
    audio: AudioFormat, channels: int, cuts: list[int], data: st.DataObject
) -> None:
    channel = data.draw(st.integers(0, channels - 1))
    width = {"pcm_s16le": "<i2", "pcm_f32le": "<f4", "alaw": "u1"}[audio.encoding]
    samples = np.random.default_rng(channels).normal(0, 0.2, (500, channels)) * (1 if width == "<f4" else 100)
    together = samples.astype(width)
    decoder = RawDecoder(audio.model_copy(update={"channels": channels, "channel": channel}))
    encoded = together.tobytes()
    places = [0, *sorted(min(cut, len(encoded)) for cut in cuts), len(encoded)]
    pieces = [piece for begin, end in pairwise(places) for piece in decoder.decode(encoded[begin:end])]
    alone = decoded(audio, together[:, channel].tobytes())
    np.testing.assert_allclose(joined([*pieces, decoder.flush()]), alone, atol=1)


@pytest.mark.parametrize("form", ["webm", "ogg"])
def test_one_channel_of_a_container_is_decoded(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"both.{form}"
    left, right = tone(48_000, hertz=440), tone(48_000, hertz=1_000, peak=0.1)
    with av.open(str(file), "w", format=form) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([left, right], axis=1).reshape(1, -1), "flt", "stereo")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    for channel, hertz in ((0, 440), (1, 1_000)):
        decoder = AudioInputDecoder(AudioFormat.model_validate({"encoding": form, "channels": 2, "channel": channel}))
        out = joined([*decoder.decode(file.read_bytes()), decoder.flush()])[2_000:14_000].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) ** 2
        peak = int(np.argmax(spectrum))
        assert peak * 16_000 / len(out) == pytest.approx(hertz, abs=3)
        assert spectrum[peak - 10 : peak + 10].sum() > 0.99 * spectrum.sum(), "nothing of the other channel"


def test_a_channel_that_the_audio_does_not_have_is_refused() -> None:
    for channels, channel in ((2, 2), (2, -1), (1, 1), (MAX_CHANNELS + 1, 0), (0, 0)):
        audio = AudioFormat(channels=channels, channel=channel)
        assert refused(lambda audio=audio: AudioInputDecoder(audio)) == ("unsupported_channels", 1003)  # type: ignore[misc]


@pytest.mark.parametrize("channels", [-1, 0, 3, 6])
def test_only_mono_and_stereo_are_supported(channels: int) -> None:
    assert refused(lambda: AudioInputDecoder(AudioFormat(channels=channels))) == ("unsupported_channels", 1003)


@given(
    audio=st.sampled_from(
        [S16, AudioFormat(channels=2), AudioFormat(encoding="pcm_f32le"), AudioFormat(encoding="alaw")]
    ),
    cuts=st.lists(st.integers(0, 700), max_size=20),
    extra=st.integers(0, 3),
)
def test_frames_may_split_samples_at_any_byte(audio: AudioFormat, cuts: list[int], extra: int) -> None:
    data = np.random.default_rng(3).normal(0, 0.1, 300).astype("<f4").tobytes() + b"\1\2\3"[:extra]
    decoder, bounds = RawDecoder(audio), [0, *sorted(cuts), len(data)]
    pieces = [joined(decoder.decode(data[begin:end])) for begin, end in pairwise(bounds)]
    width = {"pcm_s16le": 2, "pcm_f32le": 4, "alaw": 1}[audio.encoding] * audio.channels
    rest = len(data) % width
    whole = data[: len(data) - rest]
    np.testing.assert_array_equal(np.concatenate([*pieces, decoder.flush()]), decoded(audio, whole))
    error = decoder.truncation
    assert (error and (error.code, error.fatal)) == (("misaligned_audio", False) if rest else None)


def test_small_and_large_frames_give_the_same_result() -> None:
    audio = AudioFormat(sample_rate=48_000)
    data = as_s16(tone(48_000))
    source = AudioInputDecoder(audio)
    pieces = [*source.decode(data[:960]), *source.decode(data[960:]), source.flush()]
    np.testing.assert_array_equal(np.concatenate(pieces), decoded(audio, data))
    assert not source.truncation


def test_empty_frames_are_accepted() -> None:
    for rate in (16_000, 44_100):
        source = AudioInputDecoder(AudioFormat(sample_rate=rate))
        assert joined(source.decode(b"")).size == 0
        assert source.flush().size == 0


def test_a_long_frame_comes_in_pieces_of_half_a_second() -> None:
    source = AudioInputDecoder(AudioFormat(encoding="mulaw", sample_rate=8_000))
    pieces = list(source.decode(bytes(80_000)))
    assert len(pieces) == 20
    assert max(piece.size for piece in pieces) <= 8_000


TASKS = Path("/proc/self/task")


@pytest.mark.skipif(not TASKS.is_dir(), reason="threads and memory are counted as Linux does")
def test_a_decoder_has_no_thread_and_frees_the_buffer_of_its_largest_frame() -> None:
    before = len(list(TASKS.iterdir())), resident_mb()
    decoders = [RawDecoder(AudioFormat(encoding="mulaw", sample_rate=8_000)) for _ in range(30)]
    for decoder in decoders:
        assert joined(decoder.decode(bytes(1 << 20))).size
    assert len(list(TASKS.iterdir())) <= before[0]
    assert resident_mb() - before[1] < 100


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
