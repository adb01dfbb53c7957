"""The tree of errors in the docstring of backend.errors matches the classes."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import backend.errors
from backend.errors import NovaError
from tests.paths import ROOT

# The packages of extras that are in no environment of developers.
OPTIONAL = ("torch", "safetensors")
# These run on import.
MAINS = re.compile(r"__main__$|^backend\.sdk")


def drawn_parents() -> dict[str, str]:
    """The parent of each class in the drawing, by indentation."""
    parents: dict[str, str] = {}
    path = ["NovaError"]
    for line in (backend.errors.__doc__ or "").splitlines():
        if branch := re.match(r"((?:\|  |   )*)[|']- (\w+)", line):
            depth = len(branch[1]) // 3 + 1
            parents[branch[2]] = path[depth - 1]
            path[depth:] = [branch[2]]
    return parents


def descendants(parent: type[NovaError]) -> Iterator[tuple[str, str]]:
    for child in parent.__subclasses__():
        # Tests may define errors of their own.
        if not child.__module__.startswith("tests."):
            yield child.__name__, parent.__name__
            yield from descendants(child)


def modules() -> Iterator[str]:
    for package in ("backend", "gateway", "stt_worker", "translation_worker"):
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not MAINS.search(name) and "class " in Path(path).read_text(encoding="utf-8"):
                yield name


def test_the_drawing_contains_every_error_below_its_parent() -> None:
    for name in modules():
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            assert error.name in OPTIONAL, name
    assert drawn_parents() == dict(descendants(NovaError))
