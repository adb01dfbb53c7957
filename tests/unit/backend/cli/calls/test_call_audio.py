"""The sound of a call: the start of each speaker, the level of the noise, and the places with speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.audio.g711 import MU_LAW
from backend.audio.resampler import Samples
from backend.cli.calls.call_audio import (
    PACKET,
    PACKET_MS,
    RATE,
    answered,
    call_audio,
    find_speech,
    to_telephone,
    with_noise,
)


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0, level: int = 8_000) -> Samples:
    times = np.arange(round(seconds * rate)) / rate
    waves: Samples = np.rint(level * np.sin(2 * np.pi * hertz * times)).astype(np.int16)
    return waves


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def spoken_s(samples: Samples) -> tuple[float, float]:
    """Where the speech of a speaker begins and ends, in seconds."""
    active = np.flatnonzero(find_speech(samples))
    return int(active[0]) * PACKET_MS / 1000, (int(active[-1]) + 1) * PACKET_MS / 1000


def level(samples: NDArray[np.float64]) -> float:
    return float(np.square(samples).mean())


def test_a_telephone_transmits_half_as_many_samples_at_the_same_pitch_and_level() -> None:
    out = to_telephone(tone(1.0, rate=16_000))
    assert abs(len(out) - RATE) <= 16
    middle = out[800:7_200].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, abs=2)
    assert np.sqrt(level(middle)) == pytest.approx(8_000 / np.sqrt(2), rel=0.01)


def test_packets_hold_20_ms_of_each_speaker_and_decode_to_the_sound() -> None:
    call = call_audio([tone(0.5), tone(0.33, hertz=300.0)], tail_s=1.0)
    packets = list(call.packets())
    assert {len(samples) for packet in packets for samples in packet} == {PACKET}
    assert len(packets) == 1.5 / 0.02
    decoded = MU_LAW[np.frombuffer(b"".join(packet[1] for packet in packets), np.uint8)] * 32_768
    assert np.abs(decoded[: round(0.33 * RATE)] - tone(0.33, hertz=300.0)).max() <= 8_132 / 32 + 1
    assert not decoded[round(0.33 * RATE) :].any()


def test_speech_is_found_between_silence_and_quiet_noise() -> None:
    quiet = np.random.default_rng(0).integers(-20, 20, RATE).astype(np.int16)
    assert spoken_s(np.concatenate([quiet, tone(1.0), quiet])) == (1.0, 2.0)
    assert not find_speech(silence(1.0)).any()


@pytest.mark.parametrize("pause_s", [0.5, 0.0, -0.4, -1.0])
@pytest.mark.parametrize("lead_s", [0.0, 0.06, 1.2])
def test_the_second_speaker_begins_by_the_speech_of_the_first_one(pause_s: float, lead_s: float) -> None:
    first = np.concatenate([silence(0.3), tone(2.0), silence(1.5)])
    second = np.concatenate([silence(lead_s), tone(1.0)])
    one, other = answered(first, second, pause_s)
    assert one is first
    assert spoken_s(other) == pytest.approx((2.3 + pause_s, 3.3 + pause_s))


def test_a_barge_in_before_the_first_word_or_of_a_silent_speaker_is_refused() -> None:
    first = np.concatenate([silence(0.3), tone(2.0)])
    with pytest.raises(ValueError, match=r"longer than the speech of the first speaker, 2\.0 s"):
        answered(first, tone(1.0), -2.1)
    with pytest.raises(ValueError, match="silent"):
        answered(first, silence(1.0))


@given(st.floats(-5, 30), st.integers(0, 9))
def test_noise_has_the_requested_level_below_the_speech_of_each_speaker(snr_db: float, seed: int) -> None:
    call = call_audio([np.concatenate([silence(1.0), tone(1.0, level=3_000)]), tone(1.0, level=1_000)])
    noise = np.random.default_rng(seed).integers(-9_000, 9_000, RATE // 3).astype(np.int16)
    noisy = with_noise(call, noise, snr_db)
    for clean, mixed, loudness in zip(call.speakers, noisy.speakers, (3_000, 1_000), strict=True):
        added = mixed.astype(np.float64) - clean
        # Amplitudes are rounded to whole numbers.
        assert 10 * np.log10((loudness**2 / 2) / level(added)) == pytest.approx(snr_db, abs=0.2)
    assert noisy.activity is call.activity


def test_each_line_has_other_noise_and_a_silent_recording_is_refused() -> None:
    call = call_audio([tone(1.0), tone(1.0)])
    noise = np.random.default_rng(0).integers(-900, 900, RATE).astype(np.int16)
    one, other = with_noise(call, noise, 0).speakers
    assert (one != other).any()
    with pytest.raises(ValueError, match="the noise is silent"):
        with_noise(call, silence(1.0), 0)
