"""A device for each worker of one machine, without a list of who has which: the first that no other holds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from backend.errors import SetupError
from backend.service.settings import ANY_DEVICE, WorkerSettings

W = TypeVar("W", bound=WorkerSettings)

_held: list[FileLock] = []
"""The system gives them back when the process ends, however it ends."""


def pinned(settings: W, kind: str, directory: Path, devices: Callable[[], int]) -> W:
    """The settings, with a device of this process's own where they ask for any.

    `directory` is one that all workers of this machine see, and none of another; `devices` counts those that there are.
    Raises SetupError where nothing can be written to it.
    """
    if settings.device_index != ANY_DEVICE:
        return settings
    return settings.model_copy(update={"device_index": take(kind, directory, devices())})


def take(kind: str, directory: Path, devices: int) -> int:
    """The index of a device that no other worker of this kind holds; where all are held, one that the fewest hold.

    It stays with this process until that ends. 0 where there are no devices.
    """
    places = ((turn, index) for turn in count() for index in range(max(1, devices)))
    return next(index for turn, index in places if _takes(directory / f"{kind}-{index}.{turn}"))


def _takes(place: Path) -> bool:
    lock = FileLock(place, thread_local=False)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        raise SetupError(f"{place.parent} cannot be written: {error.strerror or error}") from error
    _held.append(lock)
    return True
