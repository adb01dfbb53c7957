"""CPU time and memory of processes."""

import os
import sys
import time

import pytest

from backend.load.usage import ProcessUsage, usage, usage_between


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_cpu_time_of_this_process_is_measured() -> None:
    before = usage({"this": os.getpid()})
    until = time.process_time() + 0.1
    while time.process_time() < until:
        sum(range(1_000))
    used = usage_between(before, usage({"this": os.getpid()}))["this"]
    assert 0.05 <= used.cpu_s <= time.process_time()
    assert 5 < used.peak_mb < 10_000


def test_an_ended_process_is_left_out() -> None:
    assert usage({"gone": 2**30}) == {}


def test_a_restarted_process_counts_with_all_its_usage() -> None:
    before = {"same": ProcessUsage(1, 5.0, 80.0), "new": ProcessUsage(2, 9.0, 90.0)}
    after = {"same": ProcessUsage(1, 7.0, 81.0), "new": ProcessUsage(3, 1.0, 60.0), "late": ProcessUsage(4, 0.5, 10.0)}
    assert usage_between(before, after) == {
        "same": ProcessUsage(1, 2.0, 81.0),
        "new": ProcessUsage(3, 1.0, 60.0),
        "late": ProcessUsage(4, 0.5, 10.0),
    }
