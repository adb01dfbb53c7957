"""Give each worker on a machine a GPU of its own, by lock files: the first GPU that no other worker holds."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from backend.errors import SetupError
from backend.service.settings import ANY_DEVICE, WorkerSettings

W = TypeVar("W", bound=WorkerSettings)

# Keeps the locks until the process ends. The operating system then releases them, even after SIGKILL.
_held: list[FileLock] = []


def with_own_device(settings: W, kind: str, directory: Path, count_devices: Callable[[], int]) -> W:
    """Replace the device index "auto" by a device that no other worker of this kind holds.

    `directory` must be shared by the workers of this machine and by no others. Raises SetupError if it cannot be
    written.
    """
    if settings.device_index != ANY_DEVICE:
        return settings
    return settings.model_copy(update={"device_index": lock_device(kind, directory, count_devices())})


def lock_device(kind: str, directory: Path, devices: int) -> int:
    """Lock a device until the process ends, and return its index; 0 if there are no devices.

    When every device is held, devices are shared evenly: each round of the loop allows one more worker per device.
    """
    candidates = ((turn, index) for turn in count() for index in range(max(1, devices)))
    return next(index for turn, index in candidates if _lock(directory / f"{kind}-{index}.{turn}"))


def _lock(path: Path) -> bool:
    lock = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        raise SetupError(f"{path.parent} cannot be written: {error.strerror or error}") from error
    _held.append(lock)
    return True
