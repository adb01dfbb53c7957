"""Start and shutdown of a process, and its memory and file limits."""

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import structlog

from backend.errors import ModelError, SetupError
from backend.service import tracing

log = structlog.get_logger()

MAX_OPEN_FILES = 65_536
TRIM_EVERY_S = 20.0
# Options of mallopt in glibc's malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENAS = -1, -2, -3, -8
# Collections of the middle generation before a full collection: about 800,000 new objects.
FULL_COLLECTION_EVERY = 100


def process_name() -> str:
    """Return a name that is unique among running processes: host name and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def freeze_startup_objects() -> None:
    """Exclude all existing objects from garbage collection. Call it at the end of the startup.

    Otherwise a full collection visits everything that was imported and blocks the event loop for a third of a second.
    Full collections also become rarer, because finished sessions leave no reference cycles behind.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, FULL_COLLECTION_EVERY)


def lower_priority(nice: int) -> None:
    """Lower the priority of this thread and of the threads that it starts from now on."""
    if sys.platform != "win32":
        os.nice(nice)


def retain_freed_memory() -> None:
    """Make the C library keep freed memory instead of returning each block to the system.

    A model allocates the same amount with every batch. Mapping and clearing it each time took a tenth of a worker's
    time. Call this before anything is loaded. `trim_memory_periodically` returns memory that stays unused.
    """
    if set_option := _c_library("mallopt"):
        for option, value in (
            (TRIM_THRESHOLD, 512 << 20),
            (TOP_PAD, 64 << 20),
            (MMAP_THRESHOLD, 32 << 20),
            (ARENAS, 1),
        ):
            set_option(option, value)


async def trim_memory_periodically(every_s: float = TRIM_EVERY_S) -> None:
    """Return unused memory to the system periodically until cancelled. Takes about 10 ms in a thread.

    The C library keeps free blocks between blocks in use. Inputs of different lengths leave many of these, so without
    this a worker seems to grow for hours.
    """
    while trim := _c_library("malloc_trim"):
        await asyncio.sleep(every_s)
        await asyncio.to_thread(trim, 0)


def _c_library(name: str) -> Callable[..., int] | None:
    """Return a function of the C library, or None if it does not exist or the system is not Linux."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def raise_open_file_limit() -> None:
    """Raise the limit of open files to `MAX_OPEN_FILES`. Each connection is an open file, and the default is 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main`. SIGTERM and SIGINT set its event, and `main` should then finish its work and return."""

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


def serve_until_signalled(service: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """As `run_until_signalled`. If this machine lacks something, log one line that says so, and exit with status 1."""
    try:
        run_until_signalled(main)
    except (ModelError, SetupError) as error:
        log.critical(f"{service}_not_started", reason=error.message)
        sys.exit(1)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
