"""Download models with huggingface_hub into the cache that every Hugging Face tool on this machine shares."""

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from backend.errors import ModelError, SourceUnavailableError
from backend.models.specs import FileSpec, HubSource, ProgressCallback
from backend.models.verification import digest_of, verify_download

# huggingface_hub retries an unreachable hub for minutes when a file is not cached. The metadata of each file is
# requested first, once and with this timeout, so that an unreachable hub is detected before that.
PROBE_TIMEOUT_S = 5.0

HUB_URL = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class HubConfig:
    """The hub or mirror to download from, and the shared cache.

    huggingface_hub reads its environment variables once, when it is imported, and importing it takes 0.2 to 0.5 s.
    Here they are read without importing it, and passed to it as arguments.
    """

    cache: Path
    endpoint: str = HUB_URL
    offline: bool = False

    @classmethod
    def from_environment(cls) -> Self:
        """Read HF_HUB_CACHE, HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE as huggingface_hub does.

        One addition: if NOVA_CACHE_DIR is set and no HF variable names a cache, the cache is moved below it too, so
        that one variable (a container volume, a systemd cache directory) holds everything that was downloaded.
        """
        environment = os.environ.get
        caches = Path(environment("XDG_CACHE_HOME") or "~/.cache")
        home = Path(environment("HF_HOME") or Path(environment("NOVA_CACHE_DIR") or caches) / "huggingface")
        cache = environment("HF_HUB_CACHE") or environment("HUGGINGFACE_HUB_CACHE") or home / "hub"
        return cls(
            cache=Path(os.path.expandvars(cache)).expanduser(),
            endpoint=(environment("HF_ENDPOINT") or HUB_URL).rstrip("/"),
            offline=(environment("HF_HUB_OFFLINE") or "").upper() in {"1", "ON", "YES", "TRUE"},
        )

    def snapshot(self, source: HubSource) -> Path:
        """The directory of a revision, whether or not it was downloaded.

        The layout is documented: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
        """
        return self.cache / f"models--{source.repository.replace('/', '--')}" / "snapshots" / source.revision


# Repositories that are not in the catalogue are named hf://ORG/NAME, or hf://ORG/NAME@REVISION.
REPOSITORY_SCHEME = "hf://"
_REPOSITORY = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>\w[\w./-]*))?")
# Weights for other libraries, and examples.
_UNUSED_FILES = ["pytorch_model*", "flax_model*", "tf_model*", "*.pt", "*.fp32*", "test_wavs/*", "*.wav"]


def parse_repository(name: str) -> HubSource:
    """Parse hf://ORG/NAME@REVISION; without a revision, the newest one. Raises ModelError."""
    found = _REPOSITORY.fullmatch(name)
    # They become paths.
    if found is None or ".." in name:
        raise ModelError(f"{name} does not name a repository: expected hf://ORG/NAME or hf://ORG/NAME@REVISION")
    return HubSource(found["repository"], found["revision"] or "main")


def find_repository(config: HubConfig, source: HubSource) -> Path | None:
    """The downloaded files of a repository that is not in the catalogue, without network access."""
    snapshot = config.snapshot(source)
    reference = snapshot.parent.parent / "refs" / source.revision
    if reference.is_file():
        snapshot = snapshot.with_name(reference.read_text().strip())
    return snapshot if snapshot.is_dir() else None


def download_repository(config: HubConfig, source: HubSource) -> Path:
    """Download a repository that is not in the catalogue. Its files are not compared with digests known before.

    Raises SourceUnavailableError when the hub cannot be reached or lacks the repository or the revision.
    """
    hub = _import_huggingface_hub()
    try:
        hub.HfApi(endpoint=config.endpoint).model_info(
            source.repository, revision=source.revision, timeout=PROBE_TIMEOUT_S
        )
        path = hub.snapshot_download(
            source.repository,
            revision=source.revision,
            endpoint=config.endpoint,
            cache_dir=config.cache,
            ignore_patterns=_UNUSED_FILES,
        )
    except Exception as error:  # as in `_download`
        raise SourceUnavailableError(describe_error(error)) from error
    return Path(path)


def download_snapshot(
    config: HubConfig, source: HubSource, files: tuple[FileSpec, ...], progress: ProgressCallback
) -> Path:
    """Download the files that are missing or damaged, verify them, and return the snapshot's directory.

    Raises SourceUnavailableError when the hub cannot be reached, lacks a file, or sends other bytes. A connection that
    breaks during a download is resumed by huggingface_hub; a process that is killed starts the current file over.
    """
    snapshot = config.snapshot(source)
    for file in files:
        path = snapshot / file.name
        if not (path.is_file() and digest_of(path) == file.sha256):
            _download(config, source, file, progress)
    return snapshot


def _download(config: HubConfig, source: HubSource, file: FileSpec, progress: ProgressCallback) -> None:
    hub = _import_huggingface_hub()
    place = {"revision": source.revision, "endpoint": config.endpoint}
    path = config.snapshot(source) / file.name
    try:
        url = hub.hf_hub_url(source.repository, file.name, **place)
        size = hub.get_hf_file_metadata(url, timeout=PROBE_TIMEOUT_S, endpoint=config.endpoint).size
        if size not in (None, file.size):
            raise SourceUnavailableError(f"{file.name} has {size} bytes instead of {file.size}")
        hub.hf_hub_download(
            source.repository,
            file.name,
            **place,
            cache_dir=config.cache,
            force_download=path.exists(),  # a file that is present at this point is damaged
            tqdm_class=cast(Any, functools.partial(_ProgressBar, progress, file)),
        )
    except SourceUnavailableError:
        raise
    # The library lets the errors of its HTTP client through, and that is requests, httpx or httpx2 by version.
    except Exception as error:
        raise SourceUnavailableError(describe_error(error)) from error
    verify_download(path, file)  # huggingface_hub compares sizes only


def _import_huggingface_hub() -> Any:
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ImportError as error:
        raise SourceUnavailableError("huggingface_hub is not installed: pip install 'nova-voice[stt]'") from error
    # Xet downloads chunks from a second host that a mirror or proxy of the hub does not serve, with retries of its own.
    # Plain HTTP works with all of them; HF_HUB_DISABLE_XET=0 enables Xet again.
    if "HF_HUB_DISABLE_XET" not in os.environ:
        constants.HF_HUB_DISABLE_XET = True
    return huggingface_hub


def describe_error(error: BaseException) -> str:
    """Describe a failed request in a few words; the messages of huggingface_hub span several lines."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"status {response.status_code} for {response.url}"
    if type(error).__name__.endswith("Timeout"):
        return "no answer in time"
    if error.__cause__ is not None:
        return describe_error(error.__cause__)
    first_line = next(iter(str(error).splitlines()), "")
    return re.sub(r"^\[Errno -?\d+\] ", "", first_line) or type(error).__name__


class _ProgressBar:
    """Replaces the tqdm bar of huggingface_hub and reports to a ProgressCallback."""

    def __init__(self, progress: ProgressCallback, file: FileSpec, *, initial: int = 0, **_: object) -> None:
        self._report = functools.partial(progress, file.name)
        self._received, self._total = initial, file.size
        self._report(initial, file.size)

    def update(self, count: int) -> None:
        # Negative when the server ignores the Range of a resumed download and sends the file from its start.
        self._received += count
        self._report(self._received, self._total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
