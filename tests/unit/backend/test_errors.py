"""The tree of errors in the documentation matches the classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend import errors
from backend.errors import NovaError
from backend.messages import session_record
from backend.streams.session import sessions
from backend.streams.worker import consumer

DRAWN_MODULES = {errors.__name__, session_record.__name__, sessions.__name__, consumer.__name__}


def drawn() -> dict[str, str]:
    """Each class of the drawing, with its parent."""
    parents: dict[str, str] = {}
    path = [""]
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"((?:[|' ] [ ]?|[|']- )*)(\w+Error)\s{2,}", line):
            depth = len(match[1]) // 3
            path[depth + 1 :] = [match[2]]
            parents[match[2]] = path[depth]
    return parents


def subclasses(of: type[NovaError]) -> Iterator[type[NovaError]]:
    for child in of.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_is_drawn_below_its_base_class() -> None:
    defined = {
        error.__name__: error.__bases__[0].__name__
        for error in subclasses(NovaError)
        if error.__module__ in DRAWN_MODULES
    }
    assert drawn() == {"NovaError": "", **defined}
