"""The clocks of a consumer. Tests replace them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for durations within this process."""
    wall: Callable[[], float] = time.time
    """Unix time in seconds, comparable with stream ids and with other processes."""


SYSTEM_CLOCK = Clock()
