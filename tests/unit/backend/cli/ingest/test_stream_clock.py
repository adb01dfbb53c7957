"""The position in a stream compared with real time."""

import pytest

from backend.cli.ingest.stream_clock import StreamClock


def test_a_file_that_is_read_too_fast_waits_until_its_audio_is_due() -> None:
    clock = StreamClock()
    clock.add(0.25, now=100.0)
    assert clock.ahead_s(100.0) == 0
    clock.add(0.25, now=100.01)
    assert clock.ahead_s(100.01) == pytest.approx(0.24)
    assert clock.ahead_s(100.25) == 0


def test_silence_stands_for_an_outage() -> None:
    clock = StreamClock()
    clock.add(1.0, now=10.0)
    assert clock.missing_s(10.0) == 0
    assert clock.missing_s(17.5) == pytest.approx(7.5)
    clock.add(7.5, now=17.5)
    assert clock.missing_s(17.5) == 0
    assert clock.position_s == pytest.approx(17.5 - 9.0)


def test_audio_that_arrived_ahead_covers_a_part_of_an_outage() -> None:
    clock = StreamClock()
    clock.add(1.0, now=10.0)
    clock.add(17.0, now=10.0)  # the first segments of a playlist arrive at once
    assert clock.missing_s(20.0) == 0
    assert clock.missing_s(30.0) == pytest.approx(3.0)


def test_nothing_is_missing_before_the_first_audio() -> None:
    assert StreamClock().missing_s(1e6) == StreamClock().ahead_s(1e6) == 0
