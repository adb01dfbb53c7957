from __future__ import annotations

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
    """Another process, that has taken the device which this yields, and is killed at the end."""
    code = TAKE.format(kind, str(directory), devices)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def test_each_worker_gets_a_device_of_its_own_and_then_they_share_evenly(tmp_path: Path) -> None:
    assert [lock_device("stt", tmp_path, 3) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_the_other_kind_of_worker_counts_for_itself(tmp_path: Path) -> None:
    assert (lock_device("stt", tmp_path, 2), lock_device("translation", tmp_path, 2)) == (0, 0)


def test_other_processes_are_seen_and_what_a_killed_one_held_is_free_again(tmp_path: Path) -> None:
    with worker(tmp_path, 2) as first, worker(tmp_path, 2) as second:
        assert (first, second) == (0, 1)
    assert lock_device("stt", tmp_path, 2) == 0


def test_without_devices_the_index_is_the_first(tmp_path: Path) -> None:
    assert lock_device("stt", tmp_path, 0) == 0


def test_auto_asks_for_a_device_and_a_number_is_taken_as_it_is(tmp_path: Path) -> None:
    any_device, third = SttSettings(device_index="auto"), SttSettings(device_index=2)
    lock_device("stt", tmp_path, 4)
    assert with_own_device(any_device, "stt", tmp_path, lambda: 4).device_index == 1
    assert with_own_device(third, "stt", tmp_path, lambda: 4) is third


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "devices").write_text("no directory")
    with pytest.raises(SetupError, match="devices cannot be written"):
        lock_device("stt", tmp_path / "devices", 1)
