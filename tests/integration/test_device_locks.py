import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.engines.device_locks import lock_device, with_own_device
from backend.errors import SetupError
from stt_worker.settings import SttSettings

TAKE = """
import sys
from pathlib import Path
from backend.engines.device_locks import lock_device
print(lock_device({!r}, Path({!r}), {}), flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(directory: Path, devices: int, kind: str = "stt") -> Iterator[int]:
    """Run a process that locks a device, yield the device, and kill the process at the end."""
    code = TAKE.format(kind, str(directory), devices)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def test_workers_get_devices_of_their_own_and_then_share_them_evenly(tmp_path: Path) -> None:
    assert [lock_device("stt", tmp_path, 3) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_kinds_of_workers_are_counted_separately(tmp_path: Path) -> None:
    assert (lock_device("stt", tmp_path, 2), lock_device("translation", tmp_path, 2)) == (0, 0)


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    with worker(tmp_path, 2) as first, worker(tmp_path, 2) as second:
        assert (first, second) == (0, 1)
    assert lock_device("stt", tmp_path, 2) == 0


def test_without_devices_the_index_is_zero(tmp_path: Path) -> None:
    assert lock_device("stt", tmp_path, 0) == 0


def test_auto_locks_a_device_and_a_number_is_used_as_it_is(tmp_path: Path) -> None:
    any_device, third = SttSettings(device_index="auto"), SttSettings(device_index=2)
    lock_device("stt", tmp_path, 4)
    assert with_own_device(any_device, "stt", tmp_path, lambda: 4).device_index == 1
    assert with_own_device(third, "stt", tmp_path, lambda: 4) is third


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "devices").write_text("no directory")
    with pytest.raises(SetupError, match="devices cannot be written"):
        lock_device("stt", tmp_path / "devices", 1)
