"""The model store: known models, models on this machine, and how to download the others.

`resolve`, `fetch` and `installed` use the store that the environment variables describe; see `backend.models.store`.
"""

from pathlib import Path

from backend.models.catalogue import CATALOGUE, auto, find
from backend.models.formats import identify, language_pair
from backend.models.specs import ModelKind, ModelSpec, ProgressCallback
from backend.models.store import InstalledModel, ModelStore, ignore_progress

__all__ = [
    "CATALOGUE",
    "InstalledModel",
    "ModelKind",
    "ModelSpec",
    "ModelStore",
    "ProgressCallback",
    "auto",
    "fetch",
    "find",
    "identify",
    "installed",
    "language_pair",
    "resolve",
]


def resolve(name: str) -> Path:
    """Return the directory of an installed model, by name or path, without network access."""
    return ModelStore.from_environment().resolve(name)


def fetch(name: str, progress: ProgressCallback = ignore_progress) -> Path:
    """Return the directory of a model; download and verify it first if it is not installed."""
    return ModelStore.from_environment().fetch(name, progress)


def installed() -> list[InstalledModel]:
    """List the undamaged models on this machine."""
    return ModelStore.from_environment().installed()
