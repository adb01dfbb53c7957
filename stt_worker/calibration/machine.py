"""The CPU of this machine: its name, its cores, and how busy it is."""

import os
import platform
import sys
import time
from pathlib import Path


def cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def cpu_usage(seconds: float = 0.5) -> float:
    """Measure the share of the CPU time that is in use, over an interval; 0 where the system does not report it."""
    if sys.platform != "linux":
        return 0.0
    before = _cpu_ticks()
    time.sleep(seconds)
    spent = [after - earlier for earlier, after in zip(before, _cpu_ticks(), strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / max(1, sum(spent))


def _cpu_ticks() -> list[int]:
    """Ticks spent in user, nice, system, idle, iowait, irq, softirq, steal; see proc_stat(5)."""
    return [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def processor() -> str:
    """The name of the CPU."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
