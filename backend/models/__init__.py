"""Models: which there are, which are here, and how to get the others.

`resolve`, `fetch` and `installed` act on the store that the environment describes; see `backend.models.store`.
"""

from __future__ import annotations

from pathlib import Path

from backend.models.catalogue import CATALOGUE, Model, ModelKind, auto, find
from backend.models.download import Progress
from backend.models.forms import identify, pair
from backend.models.store import Installed, Store, silent

__all__ = [
    "CATALOGUE",
    "Installed",
    "Model",
    "ModelKind",
    "Progress",
    "Store",
    "auto",
    "fetch",
    "find",
    "identify",
    "installed",
    "pair",
    "resolve",
]


def resolve(name: str) -> Path:
    """The directory of a model that is on this machine, by name or path; never touches the network."""
    return Store.from_environment().resolve(name)


def fetch(name: str, progress: Progress = silent) -> Path:
    """The directory of a model, fetched and verified if it is not here."""
    return Store.from_environment().fetch(name, progress)


def installed() -> list[Installed]:
    """Every sound model on this machine."""
    return Store.from_environment().installed()
