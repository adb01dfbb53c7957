"""Writes a file completely or not at all."""

import errno
import os
import secrets
import shutil
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file under a temporary name in the same folder, and rename it when it is on the disk.

    A symbolic link stays, and a pipe or a device is written to directly. Raises OSError, and FileExistsError unless
    `overwrite`.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = path.resolve()
    temporary = path.with_name(f".nova-{secrets.token_hex(8)}.part")
    try:
        _write_to_disk(temporary, data)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(folder: Path) -> None:
    """Raise OSError if no file can be written to this folder, for lack of permission or of space."""
    probe = folder / f".nova-{secrets.token_hex(8)}.part"
    try:
        _write_to_disk(probe, bytes(1 << 12))
    finally:
        probe.unlink(missing_ok=True)


def _write_to_disk(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
