"""The speakers of a call: channels of one recording, or two recordings."""

import wave
from pathlib import Path

import click
import numpy as np
import pytest

from backend.audio.resampler import Samples
from backend.cli.calls.call_audio import PACKET_MS
from backend.cli.calls.recordings import CallFiles, read_call
from backend.cli.files.media.errors import TooManyChannelsError, TruncatedAudioError
from tests.testkit.audio.media_files import encode, truncate

RATE = 16_000


def talk(seconds: float, before_s: float = 0.0, after_s: float = 0.0) -> Samples:
    """A tone between silence, at 16 kHz."""
    times = np.arange(round(seconds * RATE)) / RATE
    tone = np.rint(8_000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
    return np.pad(tone, (round(before_s * RATE), round(after_s * RATE)))


def spans(files: CallFiles, barge_in_s: float | None = None) -> list[tuple[float, float]]:
    """When each speaker speaks, in seconds."""
    found = [np.flatnonzero(active) * PACKET_MS / 1000 for active in read_call(files, barge_in_s, 10.0).activity]
    return [(float(times[0]), float(times[-1]) + PACKET_MS / 1000) for times in found]


def test_the_channels_of_a_stereo_recording_are_two_speakers(tmp_path: Path) -> None:
    both = np.stack([talk(1.0, 0.2, 1.8), talk(1.0, 1.6, 0.4)], axis=1)
    caller, callee = spans(CallFiles(encode(tmp_path / "call.wav", both)))
    assert caller == pytest.approx((0.2, 1.2), abs=0.02)
    assert callee == pytest.approx((1.6, 2.6), abs=0.02)


def test_a_mono_recording_is_one_speaker_and_another_one_answers_or_barges_in(tmp_path: Path) -> None:
    one, other = encode(tmp_path / "a.flac", talk(1.0)), encode(tmp_path / "b.wav", talk(0.6))
    assert spans(CallFiles(one)) == [pytest.approx((0.0, 1.0), abs=0.02)]
    assert spans(CallFiles(one, other))[1] == pytest.approx((1.5, 2.1), abs=0.04)
    assert spans(CallFiles(one, other), 0.4)[1] == pytest.approx((0.6, 1.2), abs=0.04)


def test_recordings_that_do_not_fit_are_refused_with_the_option(tmp_path: Path) -> None:
    one, quiet = encode(tmp_path / "a.wav", talk(1.0)), encode(tmp_path / "q.wav", np.zeros(RATE, np.int16))
    for files, barge_in_s, hint in (
        (CallFiles(one, one), 1.5, "--other"),
        (CallFiles(one, noise=quiet), None, "--noise"),
    ):
        with pytest.raises(click.BadParameter) as refused:
            read_call(files, barge_in_s, 10.0)
        assert refused.value.param_hint == hint


def test_a_truncated_recording_is_used_as_far_as_it_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = encode(tmp_path / "whole.wav", talk(4.0))
    truncate(whole, 0.5)
    ((_, end_s),) = spans(CallFiles(whole))
    assert 1.5 < end_s < 2.5
    assert TruncatedAudioError.code in capsys.readouterr().err


def test_more_than_two_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "room.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(3)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(6 * RATE))
    with pytest.raises(TooManyChannelsError, match="3 channels: a call has one or two"):
        read_call(CallFiles(path), None, 10.0)
