"""The one retry policy: exponential backoff with full jitter, by tenacity.

Full jitter draws each delay from [0, min(cap, base * 2^n)]. It spreads clients that lost the same server at the same
moment (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

T = TypeVar("T")

BASE_S = 0.05
CAP_S = 2.0


class Backoff:
    """Delays for a loop that runs as long as its process. It does not sleep, and the delays depend on no clock."""

    def __init__(self, base_s: float = BASE_S, cap_s: float = CAP_S) -> None:
        self._wait = wait_random_exponential(multiplier=base_s, max=cap_s)
        self._state = RetryCallState(Retrying(), None, (), {})

    def reset(self) -> None:
        """Continue with the shortest delay. Call it after an attempt that succeeded."""
        self._state.attempt_number = 1

    def next_delay_s(self) -> float:
        """Seconds to wait after another failed attempt."""
        delay_s = self._wait(self._state)
        self._state.prepare_for_next_attempt()
        return delay_s


async def retry(
    call: Callable[[], Awaitable[T]],
    errors: tuple[type[BaseException], ...],
    *,
    give_up_after_s: float,
    on_failure: Callable[[BaseException, float, float], None],
    base_s: float = BASE_S,
    cap_s: float = CAP_S,
) -> T:
    """Return what `call` returns, retrying `errors`. Every other error is raised at once.

    `on_failure` receives the error, the seconds since the first attempt began, and the seconds until the next attempt.
    Raises the last error when an attempt fails more than `give_up_after_s` seconds after the first one began.
    """

    # The time of the loop, not of tenacity's `stop_after_delay`: tests run on a loop with virtual time.
    loop = asyncio.get_running_loop()
    began = loop.time()

    # tenacity awaits only what `inspect` recognizes as a coroutine function, so a lambda needs this wrapper.
    async def attempt() -> T:
        return await call()

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert error is not None
        on_failure(error, loop.time() - began, state.upcoming_sleep)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(errors),
        wait=wait_random_exponential(multiplier=base_s, max=cap_s),
        stop=lambda state: loop.time() - began >= give_up_after_s,
        before_sleep=before_sleep,
        reraise=True,
    )
    return await retrying(attempt)
