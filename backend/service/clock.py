"""The clocks of a process. Tests replace them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    # Seconds, for durations within this process.
    monotonic: Callable[[], float] = time.monotonic
    # Unix time in seconds, comparable with stream ids and with other processes.
    wall: Callable[[], float] = time.time


SYSTEM_CLOCK = Clock()
