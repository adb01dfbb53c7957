"""How commands end when a signal arrives: they remove what they created, and exit with 128 plus the signal's number."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

EXIT_STATUS_BASE = 128  # as in a shell
# The terminal was closed. Windows does not have this signal.
_SIGHUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise SystemExit, so that files and processes are cleaned up as after Ctrl-C."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(EXIT_STATUS_BASE + number)

    for number in (signal.SIGTERM, *_hangup()):
        signal.signal(number, end)


def run_interruptible(main: Coroutine[Any, Any, T]) -> T:
    """Run `main`. SIGINT, SIGTERM and SIGHUP cancel it; a second one cancels its cleanup, too.

    Exits with 128 plus the number of the first signal if `main` ended because of it.
    """
    received: list[int] = []

    async def supervised() -> T:
        task, loop = asyncio.ensure_future(main), asyncio.get_running_loop()

        def cancel(number: int) -> None:
            received.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, *_hangup()):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
                loop.add_signal_handler(number, cancel, number)
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        sys.exit(EXIT_STATUS_BASE + received[0])


def on_first_signal(numbers: Sequence[signal.Signals], stop: Callable[[], None]) -> None:
    """Call `stop` on the first of these signals, in the running loop. The next one ends the process."""
    loop = asyncio.get_running_loop()

    def received() -> None:
        stop()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        with contextlib.suppress(NotImplementedError):  # Windows: the first Ctrl-C exits
            loop.add_signal_handler(number, received)


def _hangup() -> tuple[signal.Signals, ...]:
    """SIGHUP, unless the command was started with nohup."""
    if _SIGHUP is None or signal.getsignal(_SIGHUP) == signal.SIG_IGN:
        return ()
    return (_SIGHUP,)
