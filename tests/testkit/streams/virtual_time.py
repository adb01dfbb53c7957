"""An event loop whose time jumps: when every task sleeps, the loop continues at the next deadline at once.

A test of a minute of timeouts takes milliseconds, and its timing does not depend on the load of the machine.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from backend.service.clock import Clock

# Unix time at which virtual time begins. Stream ids begin with it, in milliseconds.
EPOCH_S = 1_700_000_000.0


class _JumpingSelector(selectors.DefaultSelector):
    """Does not wait for the next deadline of the loop, but moves the clock there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for something that will never happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Works for code that waits for timers and for other tasks, and not for sockets or threads."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in virtual time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def loop_clock() -> Clock:
    """The clocks of the running loop."""
    loop = asyncio.get_running_loop()
    return Clock(loop.time, lambda: EPOCH_S + loop.time())
