"""The store: models found on this machine, or fetched from the first source that serves, verified before use.

NOVA_MODELS_DIR/NAME/            your own models; only their form is checked
NOVA_CACHE_DIR/models/NAME/      what was fetched, with the record of its verification
              .incoming/NAME/    what is being fetched; moved to its place whole
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from filelock import FileLock, Timeout

from backend.errors import ModelError
from backend.models import download, record
from backend.models.catalogue import CATALOGUE, Model, ModelKind, find
from backend.models.download import Progress, UnavailableError
from backend.models.forms import identify
from backend.models.record import DamagedError
from backend.models.sources import Delivery

log = structlog.get_logger()


def silent(name: str, done: int, total: int) -> None:
    """The progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model on this machine."""

    name: str
    kind: ModelKind
    path: Path
    size: int
    """Bytes on the disk."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where models are looked for and kept."""

    cache: Path
    """Where fetched models are kept."""
    home: Path | None = None
    """Where you keep models of your own."""
    endpoint: str = "https://huggingface.co"
    """The hub, or a mirror of it."""
    catalogue: tuple[Model, ...] = field(default=CATALOGUE, repr=False)
    patience_s: float = download.PATIENCE_S
    """Seconds without a byte after which a source is passed over."""

    @classmethod
    def from_environment(cls) -> Store:
        """The store that NOVA_MODELS_DIR, NOVA_CACHE_DIR (or XDG_CACHE_HOME) and HF_ENDPOINT describe."""
        caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        cache = Path(os.environ.get("NOVA_CACHE_DIR") or caches / "nova-voice").expanduser()
        home = os.environ.get("NOVA_MODELS_DIR")
        return cls(
            cache=cache / "models",
            home=Path(home).expanduser() if home else None,
            endpoint=(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"),
        )

    @property
    def devices(self) -> Path:
        """Where workers of this machine lock the device that they have, when they took any."""
        return self.cache.parent / "devices"

    def resolve(self, name: str) -> Path:
        """The directory of a model that is on this machine: by name, alias, or path. Never touches the network.

        Raises ModelError, saying what to do, when it is not here, is damaged, or is of no form that we read.
        """
        model = find(name, self.catalogue)
        if model is None:
            return self._own(name)
        found = self._at_home(model) or self._cached(model)
        if found is None:
            raise ModelError(f"{model.name} is not on this machine: run `nova models pull {model.name}`")
        return found

    def fetch(self, name: str, progress: Progress = silent) -> Path:
        """The directory of a model, fetched if it is not here or is damaged.

        Blocks for as long as that takes; another process that fetches the same model is waited for.
        Raises ModelError when no source serves, in one sentence that says what was tried and what to do.
        """
        model = find(name, self.catalogue)
        if model is None:
            return self._own(name)
        if found := self._sound(model):
            return found
        try:
            with self._locked(model):
                return self._sound(model) or self._bring(model, Delivery(self.endpoint, progress, self.patience_s))
        except OSError as error:
            raise ModelError(f"{model.name} cannot be written to {self.cache}: {error.strerror or error}") from error

    def installed(self) -> list[Installed]:
        """Every sound model on this machine, yours first."""
        return [*self._of_form(self.home, own=True), *self._of_form(self.cache, own=False)]

    def _own(self, name: str) -> Path:
        """A directory given by its path, or by its name in the home or the cache."""
        places = [Path(name).expanduser(), *(root / name for root in (self.home, self.cache) if root)]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            known = ", ".join(model.name for model in self.catalogue)
            raise ModelError(f"{name} is neither a directory nor a model that we know: {known}")
        identify(found)
        if (found / record.RECORD).is_file():
            record.check(found, {})
        return found.resolve()

    def _at_home(self, model: Model) -> Path | None:
        if self.home is None:
            return None
        places = (self.home / name for name in (model.name, *model.aliases))
        found = next((place for place in places if place.is_dir()), None)
        if found is not None and identify(found) != model.kind:
            raise ModelError(f"{found} holds a model of kind {identify(found)}, not {model.kind}")
        return found

    def _cached(self, model: Model) -> Path | None:
        place = self.cache / model.name
        if not place.is_dir():
            return None
        try:
            record.check(place, {file.name: file.sha256 for file in model.files})
        except DamagedError as error:
            raise DamagedError(f"{error}: run `nova models pull {model.name}` to fetch it again") from error
        return place

    def _sound(self, model: Model) -> Path | None:
        try:
            return self._at_home(model) or self._cached(model)
        except DamagedError as error:
            log.warning("model_damaged", model=model.name, reason=str(error))
            return None

    @contextmanager
    def _locked(self, model: Model) -> Iterator[None]:
        self.cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.cache / f".{model.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("model_awaited", model=model.name, reason="another process fetches it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _bring(self, model: Model, delivery: Delivery) -> Path:
        reasons = []
        incoming = self.cache / ".incoming" / model.name
        for number, source in enumerate(model.sources):
            try:
                files, digests = delivery.deliver(source, model, incoming / str(number))
                identify(files)
            except (UnavailableError, ModelError) as error:
                log.info("source_passed_over", model=model.name, source=delivery.name(source), reason=str(error))
                reasons.append(f"{delivery.name(source)}: {error}")
                continue
            record.write(files, digests)
            place = self._put(files, model)
            shutil.rmtree(incoming)
            log.info("model_fetched", model=model.name, source=delivery.name(source), path=str(place))
            return place
        raise ModelError(
            f"{model.name} could not be fetched ({'; '.join(reasons)}): connect to the network, set HF_ENDPOINT to a "
            f"mirror of the hub, or set NOVA_MODELS_DIR to a directory that holds the model as {model.name}/"
        )

    def _put(self, files: Path, model: Model) -> Path:
        place = self.cache / model.name
        if place.exists():  # a damaged one: a process that still reads it keeps its open files
            place.rename(files.parent / "damaged")
        return files.rename(place)

    def _of_form(self, root: Path | None, *, own: bool) -> Iterator[Installed]:
        if root is None or not root.is_dir():
            return
        for place in sorted(root.iterdir()):
            try:
                if place.name.startswith(".") or not place.is_dir():
                    continue
                kind = identify(place)
                model = find(place.name, self.catalogue)
                if model and not own:
                    self._cached(model)
            except ModelError:
                continue
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            yield Installed(model.name if model else place.name, kind, place, size)
