import stat
from pathlib import Path

import pytest

from backend.cli.files.atomic_write import check_writable, write_atomically


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", b"text")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"text"}


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(143)])
def test_an_interrupted_write_changes_nothing(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"old"}


def test_a_symbolic_link_stays_and_a_longest_name_fits(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    (tmp_path / "link").symlink_to(target)
    write_atomically(tmp_path / "link", b"text")
    assert (tmp_path / "link").is_symlink()
    assert target.read_bytes() == b"text"


def test_a_device_is_written_to_directly() -> None:
    write_atomically(Path("/dev/null"), b"text")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_folder_is_checked_without_a_trace(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        check_writable(tmp_path / "missing")
