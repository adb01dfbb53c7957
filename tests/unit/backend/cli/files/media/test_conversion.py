"""Every layout keeps the voice, and every sample format has the same level."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.cli.files.media.conversion import FrameConverter

RATE = 16_000
# Samples that the mixer may lose until it has measured the channels.
BEGIN = RATE // 5

Samples = NDArray[np.float32]


def voice(seed: int = 1, seconds: float = 1.0) -> Samples:
    """[n] noise that swells and fades as syllables do."""
    noise = np.random.default_rng(seed).normal(0, 0.05, int(seconds * RATE))
    swell = np.sin(2 * np.pi * 2 * np.arange(len(noise)) / RATE) ** 2
    return np.asarray(noise * swell, np.float32)


def convert(channels: Samples, layout: str, form: str = "flt", rate: int = RATE, piece: int = 1_024) -> Samples:
    """Convert [channels, n] as frames of a piece each."""
    converter, pcm = FrameConverter(), b""
    for at in range(0, channels.shape[1], piece):
        packed = np.ascontiguousarray(channels[:, at : at + piece].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=form, layout=layout, rate=rate)
        for made in resampler.resample(frame):
            pcm += converter.convert(made)
    mono: Samples = np.frombuffer(pcm + converter.flush(), "<i2").astype(np.float32) / np.float32(32_768)
    return mono


def share_of_voice(mixed: Samples, wanted: Samples) -> tuple[float, float]:
    """The gain of the voice in the mix, and the energy of everything else relative to the voice's."""
    mixed, wanted = mixed[BEGIN:], wanted[BEGIN : len(mixed)]
    gain = float(mixed @ wanted) / float(wanted @ wanted)
    rest = mixed - gain * wanted
    return abs(gain), float(rest @ rest) / float(gain**2 * (wanted @ wanted))


@settings(max_examples=30, deadline=None)
@given(
    layout=st.sampled_from(["stereo", "2.1", "quad", "5.1", "7.1"]),
    signs=st.lists(st.sampled_from([1.0, -1.0, 0.0]), min_size=8, max_size=8),
    gains=st.lists(st.floats(0.5, 1.0), min_size=8, max_size=8),
)
def test_a_voice_in_any_channels_of_any_polarity_is_kept(layout: str, signs: list[float], gains: list[float]) -> None:
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    # The channel for low frequencies is never mixed, and one channel at least must speak.
    factors = [0.0 if name == "LFE" else sign * gain for name, sign, gain in zip(names, signs, gains, strict=False)]
    factors[0] = factors[0] or 1.0
    wanted = voice()
    mixed = convert(np.outer(np.array(factors, np.float32), wanted).astype(np.float32), layout)
    gain, rest = share_of_voice(mixed, wanted)
    assert gain > 0.05
    assert rest < 0.15


def test_a_channel_that_is_inverted_in_part_or_delayed_does_not_cost_the_voice() -> None:
    wanted = voice(seconds=2.0)
    partly = wanted.copy()
    partly[RATE // 2 : RATE] *= -1
    late = np.concatenate([np.zeros(RATE // 1000 * 5, np.float32), wanted])[: len(wanted)]
    for other in (partly, late, 0 * wanted, wanted):
        mixed = convert(np.stack([wanted, other]), "stereo")
        assert np.square(mixed[BEGIN:]).sum() > 0.2 * np.square(wanted[BEGIN:]).sum()


def test_normal_stereo_is_the_mean_of_its_channels() -> None:
    left, right = voice(1), voice(2)
    mixed = convert(np.stack([left, right]), "stereo")
    np.testing.assert_allclose(mixed, (left + right) / 2, atol=1.1 / 32_768)


@pytest.mark.parametrize("form", ["u8", "u8p", "s16", "s16p", "s32", "s32p", "s64", "flt", "fltp", "dbl", "dblp"])
def test_every_sample_format_has_the_same_level(form: str) -> None:
    wanted = voice()
    mixed = convert(np.stack([wanted, wanted]), "stereo", form)
    np.testing.assert_allclose(mixed, wanted, atol=1 / 64 if form.startswith("u8") else 2 / 32_768)


@pytest.mark.parametrize("form", ["flt", "dblp"])
def test_what_is_not_a_number_is_silence_and_loud_samples_are_limited(form: str) -> None:
    samples = voice()
    samples[100:110], samples[200], samples[300], samples[400] = np.nan, np.inf, 1e-42, 3.0
    mixed = convert(samples[np.newaxis], "mono", form)
    assert not mixed[100:110].any()
    assert (mixed[200], mixed[300]) == (0, 0)
    assert mixed[400] == pytest.approx(1, abs=1e-4)


def test_a_change_of_rate_and_layout_loses_nothing() -> None:
    converter, total = FrameConverter(), 0
    for rate, layout, channels in ((48_000, "stereo", 2), (16_000, "mono", 1), (44_100, "5.1", 6)):
        frame = av.AudioFrame.from_ndarray(np.zeros((channels, rate), np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        total += len(converter.convert(frame))
    assert (total + len(converter.flush())) / 2 == pytest.approx(3 * RATE, abs=100)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_channels_stay_apart_and_missing_ones_are_silent(rate: int) -> None:
    left, right = voice(1), voice(2)
    frame = av.AudioFrame.from_ndarray(np.stack([left, right], axis=1).reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate = rate
    converter = FrameConverter(3)
    pcm = converter.convert(frame) + converter.flush()
    separate = np.frombuffer(pcm, "<i2").reshape(-1, 3)
    for channel, waveform in enumerate((left, right)):
        alone, mono = FrameConverter(), av.AudioFrame.from_ndarray(waveform.reshape(1, -1), "flt", "mono")
        mono.sample_rate = rate
        np.testing.assert_array_equal(separate[:, channel], np.frombuffer(alone.convert(mono) + alone.flush(), "<i2"))
    assert not separate[:, 2].any()


def test_nothing_is_lost_where_the_rate_changes_or_a_piece_is_incomplete() -> None:
    converter, pcm = FrameConverter(), b""
    for rate in (16_000, 48_000, 48_000):
        frame = av.AudioFrame.from_ndarray(np.full((1, rate // 10), 0.5, np.float32), format="flt", layout="mono")
        frame.sample_rate = rate
        pcm += converter.convert(frame)
        if rate == 48_000:
            pcm += converter.drain()
    pcm += converter.flush()
    mono = np.frombuffer(pcm, "<i2")
    assert len(mono) == 3 * RATE // 10
    assert converter.flush() == b""
    assert np.median(mono) == pytest.approx(0.5 * 32_767, abs=2)
