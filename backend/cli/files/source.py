"""The recordings that a command is given: files, and pipes, which are saved to temporary files first."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rich.filesize import decimal

from backend.cli.files.media.errors import EmptyFileError, MediaError, UnreadableError
from backend.errors import NovaError
from backend.local.discovery import print_status
from backend.local.runtime_folder import runtime_folder
from backend.text.printable import printable

STDIN = Path("-")
# A pipe that never ends must not fill the disk.
MAX_PIPE_BYTES = 4 << 30
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A recording. `path` is what the user named, "-" for standard input. `file` is the file to decode.

    `track` is the number of the audio track to read, or None for the default track. `channel` is the one to read, from
    0, or None for all of them mixed.
    """

    path: Path
    file: Path
    track: int | None = None
    channel: int | None = None

    @property
    def name(self) -> str:
        """The name to print."""
        return display_name(self.path)

    def describe(self, error: NovaError) -> NovaError:
        """An error with the name that the user knows in place of the file's."""
        file = str(self.file)
        if not isinstance(error, MediaError) or not error.message.startswith(file):
            return error
        return type(error)(self.name + error.message.removeprefix(file), code=error.code)


def display_name(path: Path) -> str:
    """The name of a recording as it is printed. It has one line."""
    return "standard input" if path == STDIN else printable(str(path))


class Pipes:
    """Saves pipes to temporary files. Create it with `pipes`."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folder: Path | None = None
        self._count = 0

    def source(self, path: Path) -> Source:
        """Return the recording at a path. A pipe is read to its end. Raises MediaError."""
        if not _is_pipe(path):
            return Source(path, path)
        self._folder = self._folder or self._stack.enter_context(runtime_folder())
        self._count += 1
        source = Source(path, self._folder / f"recording-{self._count}")
        try:
            with _open_pipe(path) as pipe:
                _save(source, pipe)
        except OSError as error:
            raise UnreadableError(f"{source.name} cannot be read: {error.strerror or error}") from None
        return source


@contextmanager
def pipes() -> Iterator[Pipes]:
    """The temporary files exist until the end of the block."""
    with ExitStack() as stack:
        yield Pipes(stack)


def _is_pipe(path: Path) -> bool:
    """Whether a path cannot be read twice, so that it must be saved first."""
    if path == STDIN:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False  # reported when it is opened
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _open_pipe(path: Path) -> BinaryIO:
    is_stdin = path == STDIN
    if is_stdin and sys.stdin is None:
        # Another file may have got this number since.
        raise OSError(errno.EBADF, "it is closed")
    return open(0 if is_stdin else path, "rb", buffering=0, closefd=not is_stdin)


def _save(source: Source, pipe: BinaryIO) -> None:
    """Copy a pipe to the source's file. Raises MediaError if it is empty, endless, a terminal or a device."""
    if pipe.isatty():
        raise UnreadableError(f"{source.name} is a terminal: name a file, or send a recording through a pipe")
    mode, saved = os.fstat(pipe.fileno()).st_mode, 0
    with source.file.open("xb") as file:
        while block := pipe.read(_BLOCK_BYTES):
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                raise UnreadableError(f"{source.name} cannot be read: it is a device")
            if not saved:
                print_status(f"saving {source.name} to a temporary file")
            saved += len(block)
            if saved > MAX_PIPE_BYTES:
                raise UnreadableError(f"{source.name} has more than {decimal(MAX_PIPE_BYTES)}: save it to a file first")
            _append(source, file, block)
    if not saved:
        raise EmptyFileError(f"{source.name} is empty")


def _append(source: Source, file: BinaryIO, block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:
        folder = Path(file.name).parent
        raise UnreadableError(f"{source.name} cannot be saved to {folder}: {error.strerror}") from None
