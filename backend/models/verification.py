"""Verify model files against their sha256, and record the result.

A record holds the size, modification time and sha256 of each file, so that gigabytes are hashed once and not at every
start. A file whose size or time differs from the record is hashed again; if its digest differs too, it is damaged.
"""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from backend.errors import DamagedModelError, SourceUnavailableError
from backend.models.specs import FileSpec

RECORD_NAME = ".verified.json"


class VerifiedFile(BaseModel, frozen=True):
    size: int
    mtime_ns: int
    sha256: str


class VerificationRecord(BaseModel, frozen=True):
    files: Mapping[str, VerifiedFile]


def digest_of(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_download(path: Path, file: FileSpec) -> None:
    """Delete a file that differs from the catalogue's, also the one that `path` links to; raise SourceUnavailableError.

    Caches are shared with other programs, which must not find wrong bytes in them.
    """
    if digest_of(path) != file.sha256:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise SourceUnavailableError(f"{file.name} does not have the sha256 of the catalogue")


def write_record(directory: Path, digests: Mapping[str, str], record: Path | None = None) -> None:
    """Record files that were just verified. `digests` maps names in the directory to sha256.

    `record` is the file to write, by default RECORD_NAME in the directory.
    """
    record = record or directory / RECORD_NAME
    files = {}
    for name, sha256 in digests.items():
        stat = (directory / name).stat()
        files[name] = VerifiedFile(size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=sha256)
    record.parent.mkdir(parents=True, exist_ok=True)
    incoming = record.with_name(f"{record.name}.part")
    incoming.write_text(VerificationRecord(files=files).model_dump_json(indent=1))
    incoming.replace(record)


def check(directory: Path, digests: Mapping[str, str], record: Path | None = None) -> None:
    """Check that a directory holds the files that were recorded or, without a record, those of `digests`.

    Hashes only what changed since it was recorded. Raises DamagedModelError with the first difference.
    """
    record = record or directory / RECORD_NAME
    recorded = _read_record(record)
    if recorded is not None and all(_unchanged(directory / name, file) for name, file in recorded.files.items()):
        return
    # The record takes precedence: the output of a conversion has other digests than the catalogue's files.
    expected = {name: file.sha256 for name, file in recorded.files.items()} if recorded is not None else digests
    if not expected:
        raise DamagedModelError(f"{directory} has no verification record")
    for name, sha256 in expected.items():
        if not (directory / name).is_file():
            raise DamagedModelError(f"{directory} lacks {name}")
        if digest_of(directory / name) != sha256:
            raise DamagedModelError(f"{name} in {directory} is damaged (wrong sha256)")
    with contextlib.suppress(OSError):  # in a read-only cache the files are hashed each time
        write_record(directory, expected, record)


def _read_record(record: Path) -> VerificationRecord | None:
    try:
        return VerificationRecord.model_validate_json(record.read_bytes())
    except (OSError, ValidationError):
        return None


def _unchanged(path: Path, file: VerifiedFile) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.mtime_ns)
