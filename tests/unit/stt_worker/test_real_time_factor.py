"""Seconds of work for each second of audio."""

import pytest

from stt_worker.real_time_factor import RealTimeFactor


def test_the_factor_is_zero_before_the_first_batch() -> None:
    assert RealTimeFactor().factor == 0.0


def test_idle_time_between_batches_does_not_count() -> None:
    pace = RealTimeFactor()
    pace.add(0.0, 1.0, 10.0)
    pace.add(50.0, 51.0, 10.0)
    assert pace.factor == pytest.approx(0.1)


def test_overlapping_time_counts_once() -> None:
    pace = RealTimeFactor()
    for number in range(20):  # two batches in flight: each waits for the previous one
        pace.add(number - 1.0, number + 1.0, 10.0)
    assert pace.factor == pytest.approx(0.1, rel=0.05)


def test_recent_batches_count_more() -> None:
    pace = RealTimeFactor()
    pace.add(0.0, 5.0, 10.0)
    for number in range(30):
        pace.add(10.0 + number, 11.0 + number, 10.0)
    assert pace.factor == pytest.approx(0.1, rel=0.1)


def test_parallel_batches_share_the_time() -> None:
    pace = RealTimeFactor(parallel_batches=2)
    for number in range(20):
        pace.add(number, number + 2.0, 10.0)
    assert pace.factor == pytest.approx(0.1)
