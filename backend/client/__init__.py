"""The Python client. Its public import name is `nova_voice`; `from backend.client import Client` is deprecated."""

import warnings
from importlib import import_module
from typing import Any

_OLD_NAMES = ("PATIENCE_S", "Client", "DisconnectedError", "ServerError")


def __getattr__(name: str) -> Any:
    """Load the names of release 0.1 with a warning. They will be removed in the next release."""
    if name not in _OLD_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"import {name} from nova_voice instead of backend.client", DeprecationWarning, stacklevel=2)
    return getattr(import_module("backend.client.deprecated"), name)
