"""What a process holds just now, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def resident_mb(pid: int) -> float:
    """Its memory, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024 / 1e6


def open_files(pid: int) -> int:
    """Sockets and pipes among them."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
