"""Backoff: the bounds of the delays, and what is retried."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.backoff import Backoff, retry


@given(st.floats(0.001, 1.0), st.floats(1.0, 60.0), st.integers(1, 2_000))
def test_a_delay_stays_below_the_doubled_base_and_the_cap(base_s: float, cap_s: float, failures: int) -> None:
    backoff = Backoff(base_s, cap_s)
    delays = [backoff.next_delay_s() for _ in range(failures)]
    assert all(0 <= delay <= min(cap_s, base_s * 2.0 ** min(n, 100)) for n, delay in enumerate(delays))


@given(st.integers(1, 50))
def test_a_reset_backoff_starts_with_the_shortest_delay(failures: int) -> None:
    backoff = Backoff(base_s=0.1, cap_s=5.0)
    for _ in range(failures):
        backoff.next_delay_s()
    backoff.reset()
    assert backoff.next_delay_s() <= 0.1


def test_delays_of_two_clients_differ() -> None:
    first, second = Backoff(), Backoff()
    assert [first.next_delay_s() for _ in range(8)] != [second.next_delay_s() for _ in range(8)]


async def test_a_failed_call_is_retried_until_it_succeeds() -> None:
    failures: list[tuple[str, float]] = []
    errors = [OSError("refused"), OSError("reset")]

    async def call() -> int:
        if errors:
            raise errors.pop(0)
        return 42

    def on_failure(error: BaseException, waited_s: float, delay_s: float) -> None:
        failures.append((str(error), waited_s))
        assert 0 <= delay_s <= 0.002

    assert await retry(call, (OSError,), give_up_after_s=10, on_failure=on_failure, base_s=0.001) == 42
    assert [error for error, _ in failures] == ["refused", "reset"]
    assert failures[0][1] <= failures[1][1] < 10


async def test_after_the_time_limit_the_last_error_is_raised() -> None:
    async def call() -> None:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        await retry(call, (OSError,), give_up_after_s=0.02, on_failure=lambda *_: None, base_s=0.001, cap_s=0.004)


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_other_errors_and_cancellation_are_raised_at_once(error: BaseException) -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        await retry(call, (OSError,), give_up_after_s=10, on_failure=lambda *_: None)
    assert calls == 1
