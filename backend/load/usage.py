"""What processes take of a machine, as Linux tells it; nothing where there is no /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process."""

    pid: int
    cpu_s: float
    """Seconds of processor time, in its own code and in the system's for it."""
    peak_mb: float
    """The most memory, in megabytes, that was ever resident."""

    def since(self, before: Usage | None) -> Usage:
        """The same with what was taken after `before`; all of it when that was another process."""
        if before is None or before.pid != self.pid:
            return self
        return Usage(self.pid, self.cpu_s - before.cpu_s, self.peak_mb)


def usage(processes: Mapping[str, int]) -> dict[str, Usage]:
    """What each has taken so far, by name, from their process ids; those that are gone are left out."""
    found = {name: _of(pid) for name, pid in processes.items()}
    return {name: taken for name, taken in found.items() if taken}


def spent(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, Usage]:
    """What each has taken between two readings."""
    return {name: taken.since(before.get(name)) for name, taken in after.items()}


def _of(pid: int) -> Usage | None:
    try:
        # proc(5): the name, in parentheses, may hold anything; user and system time are the 12th and 13th field behind.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    peak_kb = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
    return Usage(pid, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak_kb * 1024 / 1e6)
