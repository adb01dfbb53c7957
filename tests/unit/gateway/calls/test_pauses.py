"""Silence takes the place of audio that does not arrive, at its pace and for a limited time."""

import pytest

from backend.messages.protocol import AudioFormat
from gateway.calls.pauses import KEEPALIVE_MS, MAX_SILENCE_MS, PAUSE_MS, STEP_MS, AudioPause, silence


def test_silence_follows_the_clock_and_ends() -> None:
    pause, passed, added = AudioPause(), 0, 0
    while (wait := pause.next_ms(for_long=False)) is not None:
        passed += wait
        added += pause.expire()
        assert added == passed
    assert added == MAX_SILENCE_MS
    assert pause.expire() == 0


def test_a_frame_begins_the_wait_again() -> None:
    pause = AudioPause()
    pause.expire()
    assert pause.next_ms(for_long=False) == STEP_MS
    pause.reset()
    assert pause.next_ms(for_long=False) == PAUSE_MS


def test_a_call_whose_audio_stops_for_long_is_kept_open() -> None:
    pause = AudioPause()
    while pause.expire():
        pass
    assert (pause.next_ms(for_long=True), pause.next_ms(for_long=False)) == (KEEPALIVE_MS, None)


@pytest.mark.parametrize(
    ("encoding", "channels", "expected"),
    [("mulaw", 1, b"\xff" * 1_600), ("alaw", 1, b"\xd5" * 1_600), ("pcm_s16le", 2, bytes(6_400))],
)
def test_silence_has_the_format_of_the_audio(encoding: str, channels: int, expected: bytes) -> None:
    audio = AudioFormat.model_validate({"encoding": encoding, "sample_rate": 8_000, "channels": channels})
    assert silence(audio, 200) == expected
    assert silence(audio, 0) == b""
