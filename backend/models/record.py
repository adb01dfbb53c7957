"""The record of what was verified, beside the files, so that gigabytes are hashed once and not at every start.

It holds each file's size, time of change and sha256. A file whose size or time no longer agrees is hashed again; one
whose digest no longer agrees is damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from backend.errors import ModelError

RECORD = ".verified.json"


class DamagedError(ModelError):
    """A model's files are not what they were, or not what they should be."""


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True)

    size: int
    mtime_ns: int
    sha256: str


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)

    files: Mapping[str, _Seen]


def digest_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(directory: Path, digests: Mapping[str, str]) -> None:
    """Record that these files were just verified: name in the directory to sha256."""
    seen = {}
    for name, sha256 in digests.items():
        stat = (directory / name).stat()
        seen[name] = _Seen(size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=sha256)
    fresh = directory / f"{RECORD}.part"
    fresh.write_text(_Record(files=seen).model_dump_json(indent=1))
    fresh.replace(directory / RECORD)


def check(directory: Path, digests: Mapping[str, str]) -> None:
    """Make sure that the directory holds what was verified, or, without a record, what `digests` name.

    Raises DamagedError, saying what is wrong. Hashes only what changed since it was recorded.
    """
    record = _read(directory)
    if record is not None and all(_unchanged(directory / name, seen) for name, seen in record.files.items()):
        return
    expected = {name: seen.sha256 for name, seen in record.files.items()} if record is not None else digests
    if not expected:
        raise DamagedError(f"{directory} was never verified")
    for name, sha256 in expected.items():
        if not (directory / name).is_file():
            raise DamagedError(f"{directory} lacks {name}")
        if digest_of(directory / name) != sha256:
            raise DamagedError(f"{name} in {directory} is not what it should be")
    with contextlib.suppress(OSError):  # a read-only cache is hashed each time, and works
        write(directory, expected)


def _read(directory: Path) -> _Record | None:
    try:
        return _Record.model_validate_json((directory / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def _unchanged(path: Path, seen: _Seen) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (seen.size, seen.mtime_ns)
