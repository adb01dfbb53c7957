"""What processes take of a machine, as Linux tells it."""

from __future__ import annotations

import os
import sys
import time

import pytest

from backend.load.usage import Usage, spent, usage


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_this_process_computes_is_seen() -> None:
    before = usage({"this": os.getpid()})
    until = time.process_time() + 0.1
    while time.process_time() < until:
        sum(range(1_000))
    taken = spent(before, usage({"this": os.getpid()}))["this"]
    assert 0.05 <= taken.cpu_s <= time.process_time()
    assert 5 < taken.peak_mb < 10_000


def test_a_process_that_is_gone_is_left_out() -> None:
    assert usage({"gone": 2**30}) == {}


def test_a_process_that_took_the_place_of_another_is_counted_whole() -> None:
    before = {"same": Usage(1, 5.0, 80.0), "new": Usage(2, 9.0, 90.0)}
    after = {"same": Usage(1, 7.0, 81.0), "new": Usage(3, 1.0, 60.0), "late": Usage(4, 0.5, 10.0)}
    assert spent(before, after) == {
        "same": Usage(1, 2.0, 81.0),
        "new": Usage(3, 1.0, 60.0),
        "late": Usage(4, 0.5, 10.0),
    }
