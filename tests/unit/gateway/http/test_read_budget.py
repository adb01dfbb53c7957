"""The budget slows fast connections, and only many tiny frames are abuse."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.read_budget import TOLERATED_S, ReadBudget, ReadLimits

LIMITS = ReadLimits(frames_per_s=100, bytes_per_s=10_000, burst_s=2)


def send(size: int, frames: int, seconds: float) -> tuple[int, ReadBudget]:
    """Send slices of some frames as fast as the budget allows. Returns the number of frames in this time."""
    now, sent, budget = 0.0, 0, ReadBudget(LIMITS, 0.0)
    while now <= seconds and not budget.is_abused:
        now += budget.spend(frames, size * frames, now)
        sent += frames
    return sent, budget


def test_live_audio_never_waits() -> None:
    budget = ReadBudget(LIMITS, 0.0)
    assert all(budget.spend(1, 180, number / 50) == 0 for number in range(10_000))
    assert not budget.is_abused


@given(st.integers(1, 300), st.integers(1, 2_000))
def test_rates_hold_after_the_burst(frames: int, size: int) -> None:
    sent, _ = send(size, frames, 60)
    assert sent <= LIMITS.frames_per_s * 62 + frames
    assert sent * size <= LIMITS.bytes_per_s * 62 + frames * size


def test_only_tiny_frames_are_abuse() -> None:
    assert send(2, 20, 600)[1].is_abused
    assert not send(3_200, 20, 600)[1].is_abused


def test_abuse_is_tolerated_for_seconds() -> None:
    sent, _ = send(2, 20, 600)
    assert LIMITS.frames_per_s * TOLERATED_S < sent < LIMITS.frames_per_s * (2 * TOLERATED_S + LIMITS.burst_s)


def test_a_new_connection_may_have_a_shorter_burst_until_it_has_waited() -> None:
    budget = ReadBudget(LIMITS, 0.0, 0.1)
    assert budget.spend(10, 0, 0.0) == 0
    assert budget.spend(1, 0, 0.0) > 0
    assert budget.spend(200, 0, 10.0) == 0, "after a while, the burst of the limits is allowed"
