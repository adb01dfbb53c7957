"""Memory and open files of a process, from /proc (Linux)."""

from pathlib import Path


def resident_mb(pid: int) -> float:
    """Resident memory in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024 / 1e6


def open_files(pid: int) -> int:
    """Number of open file descriptors, including sockets and pipes."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
