"""How a process starts, hears that it should stop, and ends."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import structlog

from backend.service import tracing

log = structlog.get_logger()

MOST_FILES = 65_536
TIDY_EVERY_S = 20.0
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENAS = -1, -2, -3, -8
"""What glibc's malloc.h calls the options of mallopt."""
SELDOM = 100
"""Of the collector's middle rounds before a full one: some 800,000 more objects than there were."""


def process_name() -> str:
    """Unique among live processes of a system: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def freeze_startup_objects() -> None:
    """Call once all that lives as long as the process is made: the garbage collector looks at none of that again.

    Else it goes through everything that was ever imported, a third of a second at a time, and everybody waits. Nor does
    it often go through all that came since: what ends leaves no circles of references, so it would find nothing.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)


def lower_priority(nice: int) -> None:
    """Let others on this machine go first, by so much; the threads that this one starts from now on do as well."""
    if sys.platform != "win32":
        os.nice(nice)


def retain_freed_memory() -> None:
    """Have the C library keep what is freed, for what is asked for next, rather than give each piece back at once.

    A model asks for the same megabytes with every batch, and having the kernel map and clear them anew took a tenth of
    a worker's time. Call it before anything is loaded; `trim_memory_periodically` gives back what stays unused.
    """
    if set_option := _c_library("mallopt"):
        for option, value in (
            (TRIM_THRESHOLD, 512 << 20),
            (TOP_PAD, 64 << 20),
            (MMAP_THRESHOLD, 32 << 20),
            (ARENAS, 1),
        ):
            set_option(option, value)


async def trim_memory_periodically() -> None:
    """Hand memory that nobody uses back to the system now and then, until cancelled; takes some 10 ms of a thread.

    The C library keeps what lies between what is in use, and a model whose inputs are each of another length leaves
    many such holes: without this a worker seems to grow for hours.
    """
    while trim := _c_library("malloc_trim"):
        await asyncio.sleep(TIDY_EVERY_S)
        await asyncio.to_thread(trim, 0)


def _c_library(name: str) -> Callable[..., int] | None:
    """A function of glibc's; None where there is another, or none."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def raise_open_file_limit() -> None:
    """Each connection is an open file, and the usual limit is 1,024 of them; a process may raise it by itself."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` to its end. SIGTERM and SIGINT set the event it is given; it then finishes what it has in hand."""

    async def supervised() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    raise_open_file_limit()
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(supervised())
    finally:
        tracing.close()


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
