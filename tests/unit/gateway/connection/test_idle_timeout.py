"""A timeout with one timer interrupts waits as `asyncio.timeout` does."""

import asyncio

import pytest

from gateway.connection.idle_timeout import IdleTimeout
from tests.testkit.streams.virtual_time import virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


@virtual_time
async def test_each_wait_has_the_whole_time() -> None:
    timeout, began = IdleTimeout(), now()
    for _ in range(5):
        with timeout.limit(10):
            await asyncio.sleep(9)
    with pytest.raises(TimeoutError), timeout.limit(10):
        await asyncio.sleep(11)
    assert now() - began == pytest.approx(55)


@virtual_time
async def test_time_between_two_waits_does_not_count() -> None:
    timeout = IdleTimeout()
    with timeout.limit(10):
        await asyncio.sleep(9)
    await asyncio.sleep(100)
    with timeout.limit(10):
        await asyncio.sleep(9)


@virtual_time
async def test_a_shorter_wait_ends_before_a_longer_one_would_have() -> None:
    timeout = IdleTimeout()
    with timeout.limit(100):
        await asyncio.sleep(1)
    began = now()
    with pytest.raises(TimeoutError), timeout.limit(5):
        await asyncio.sleep(50)
    assert now() - began == pytest.approx(5)


@virtual_time
async def test_a_wait_can_be_restarted() -> None:
    timeout, began = IdleTimeout(), now()

    async def wait() -> None:
        with timeout.limit(10) as waiting:
            await asyncio.sleep(9)
            waiting.restart(10)
            await asyncio.sleep(20)

    with pytest.raises(TimeoutError):
        await wait()
    assert now() - began == pytest.approx(19)


@virtual_time
async def test_a_task_that_timed_out_can_wait_again() -> None:
    timeout = IdleTimeout()
    for _ in range(2):
        with pytest.raises(TimeoutError), timeout.limit(1):
            await asyncio.sleep(2)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("cancelled_at_s", [1, 10])
@virtual_time
async def test_a_cancellation_is_no_timeout(cancelled_at_s: float) -> None:
    async def wait() -> None:
        with IdleTimeout().limit(10):
            await asyncio.sleep(20)

    task = asyncio.create_task(wait())
    await asyncio.sleep(cancelled_at_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual_time
async def test_errors_pass() -> None:
    with pytest.raises(ValueError, match="mine"), IdleTimeout().limit(10):
        raise ValueError("mine")


async def test_a_real_event_loop_interrupts_a_wait() -> None:
    with pytest.raises(TimeoutError), IdleTimeout().limit(0.01):
        await asyncio.sleep(5)
