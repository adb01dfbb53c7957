"""Memory, open files and connections of a process, from /proc (Linux)."""

from pathlib import Path


def resident_mb(pid: int) -> float:
    """Resident memory in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024 / 1e6


def open_files(pid: int) -> int:
    """Number of open file descriptors, including sockets and pipes."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def connections(port: int) -> int:
    """TCP connections to a local port (IPv4) that a process holds open, also if the client has closed them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(local.endswith(f":{port:04X}") and state in ("01", "08") for _, local, _, state, *_ in rows)
