"""A timeout for the successive waits of one task, cheap enough for every frame of a client.

`asyncio.timeout` creates and cancels a timer for each wait. Here, one timer moves only when it fires, so a wait costs a
look at the clock. The cancellation follows that of `asyncio.timeout`.
"""

import asyncio
from types import TracebackType
from typing import Self


class IdleTimeout:
    """Limits one wait at a time: `with timeout.limit(30): await ...` raises TimeoutError after 30 s."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        # The task that waits. None between two waits, when the timer has no effect.
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._has_expired = False

    def limit(self, seconds: float) -> Self:
        """Begin a wait of the current task."""
        self._task = asyncio.current_task()
        assert self._task is not None, "only a task can be interrupted"
        self._cancelling, self._has_expired = self._task.cancelling(), False
        self.restart(seconds)
        return self

    def restart(self, seconds: float) -> None:
        """Continue the wait for this long from now on."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._deadline, self._check)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self._task = self._task, None
        assert task is not None
        # Another cancellation at the same time takes precedence.
        if self._has_expired and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _check(self) -> None:
        self._timer = None
        if self._task is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._deadline:
            self._timer = loop.call_at(self._deadline, self._check)
        else:
            self._has_expired = True
            self._task.cancel()
