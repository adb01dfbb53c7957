import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.cli.files import source
from backend.cli.files.media.errors import EmptyFileError, NotMediaError, UnreadableError
from backend.cli.files.source import Source, display_name, pipes
from backend.errors import NovaError


@contextmanager
def fifo(folder: Path, data: bytes) -> Iterator[Path]:
    """A named pipe through which another thread sends `data`."""
    path = folder / "pipe.wav"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(data))
    writer.start()
    yield path
    writer.join()


def test_a_regular_file_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF")
    with pipes() as saved:
        assert saved.source(path) == Source(path, path)
        assert saved.source(tmp_path) == Source(tmp_path, tmp_path), "a folder is reported when it is opened"


def test_a_pipe_is_saved_and_removed_at_the_end(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    with pipes() as saved:
        with fifo(tmp_path, data) as path:
            found = saved.source(path)
        assert found.path == path
        assert found.file.read_bytes() == data
    assert not found.file.parent.exists()


def test_an_empty_pipe_is_reported(tmp_path: Path) -> None:
    with pipes() as saved, fifo(tmp_path, b"") as path, pytest.raises(EmptyFileError, match=r"pipe\.wav is empty"):
        saved.source(path)


def test_a_pipe_that_is_too_long_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_PIPE_BYTES", 1_000)
    with (
        pipes() as saved,
        fifo(tmp_path, bytes(1_001)) as path,
        pytest.raises(UnreadableError, match=r"more than 1\.0 kB"),
    ):
        saved.source(path)


def test_a_device_is_not_a_recording() -> None:
    with pipes() as saved:
        with pytest.raises(UnreadableError, match="it is a device"):
            saved.source(Path("/dev/zero"))
        with pytest.raises(EmptyFileError):
            saved.source(Path("/dev/null"))


def test_an_error_names_the_recording_that_the_user_named() -> None:
    stdin = Source(Path("-"), Path("/tmp/nova-x/recording-1"))
    assert stdin.describe(NotMediaError("/tmp/nova-x/recording-1 is empty")).message == "standard input is empty"
    assert stdin.describe(NotMediaError("a - b")).message == "a - b"
    assert stdin.describe(NovaError("no server")).message == "no server"


@pytest.mark.parametrize(
    ("path", "name"),
    [("-", "standard input"), ("a\nb.wav", "a\\nb.wav"), ("a\udcffb.wav", "a\\udcffb.wav"), ("é.wav", "é.wav")],
)
def test_names_are_printed_on_one_line(path: str, name: str) -> None:
    assert display_name(Path(path)) == name
