"""CPU time and memory of processes, read from Linux's /proc. Elsewhere nothing is reported."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """The resources that one process has used."""

    pid: int
    # Seconds of processor time, user and system.
    cpu_s: float
    # The peak resident memory in megabytes.
    peak_mb: float

    def since(self, before: "ProcessUsage | None") -> "ProcessUsage":
        """The usage after an earlier reading. If that was of another process, everything counts."""
        if before is None or before.pid != self.pid:
            return self
        return ProcessUsage(self.pid, self.cpu_s - before.cpu_s, self.peak_mb)


def usage(processes: Mapping[str, int]) -> dict[str, ProcessUsage]:
    """Read the usage of processes, given as ids by name. Processes that have ended are left out."""
    readings = {name: _read(pid) for name, pid in processes.items()}
    return {name: reading for name, reading in readings.items() if reading}


def usage_between(before: Mapping[str, ProcessUsage], after: Mapping[str, ProcessUsage]) -> dict[str, ProcessUsage]:
    """The usage between two readings, by name."""
    return {name: reading.since(before.get(name)) for name, reading in after.items()}


def _read(pid: int) -> ProcessUsage | None:
    try:
        # proc(5): the process name, in parentheses, may contain any character. User and system time are the 12th and
        # 13th field after it.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    peak_kb = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
    return ProcessUsage(pid, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak_kb * 1024 / 1e6)
