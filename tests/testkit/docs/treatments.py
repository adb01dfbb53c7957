"""How a test treats a command or a program of a page: it runs it, or says why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

UNCHANGED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command: how most commands are treated.

    `prints` is a regular expression for its output. `says_clip`: the output contains the words of the recording.
    `endless`: the command is interrupted with Ctrl-C as soon as `prints` was printed. `replaced`: the texts that a test
    must replace, and with which.
    """

    prints: str = ""
    status: int = 0
    says_clip: bool = False
    endless: bool = False
    replaced: Mapping[str, str] = field(default_factory=lambda: UNCHANGED)


@dataclass(frozen=True, slots=True)
class Shown:
    """Lines that the command before them has printed."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A program that the page tells the reader to save under this name. A later command runs it."""

    name: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """A program, or a part of one that the test completes.

    `continues` names earlier blocks of the page that it needs. `before` and `after` provide what the page leaves to the
    reader, such as the audio; `replaced` does so inside the fragment.
    """

    before: str = ""
    after: str = ""
    continues: tuple[str, ...] = ()
    replaced: Mapping[str, str] = field(default_factory=lambda: UNCHANGED)
    says_clip: bool = True


@dataclass(frozen=True, slots=True)
class NotRun:
    """Not run, with the reason, or the test that runs it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotCommands:
    """A whole block that contains no commands, such as settings."""

    reason: str


Treatment = Run | Shown | Saved | Fragment | NotRun | NotCommands


@dataclass(frozen=True, slots=True)
class Step:
    """A command, a program or an output of a page. `name` is its first line, or "python 1" for a fenced block."""

    page: str
    line: int
    name: str
    language: str
    text: str
    treatment: Treatment
