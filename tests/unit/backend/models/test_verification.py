"""Verification of model files and the record of its result."""

import os
from pathlib import Path

import pytest

from backend.errors import DamagedModelError
from backend.models.verification import RECORD_NAME, check, write_record
from tests.unit.backend.models.files import EMPTY, lay


def test_a_recorded_file_is_not_hashed_again_until_it_changes(tmp_path: Path) -> None:
    file = lay(tmp_path, "model.bin") / "model.bin"
    file.write_bytes(b"content")
    recorded = file.stat()
    # This is not its digest, so hashing the file would raise an error.
    write_record(tmp_path, {"model.bin": "5ae3d5ba19e2d1d9d8bf4b4c7c0e0f6e"})
    check(tmp_path, {})
    file.write_bytes(b"content")
    os.utime(file, ns=(recorded.st_atime_ns, recorded.st_mtime_ns + 1))
    with pytest.raises(DamagedModelError, match=r"model\.bin"):
        check(tmp_path, {})


def test_a_file_with_a_new_modification_time_and_the_same_content_is_intact(tmp_path: Path) -> None:
    file = lay(tmp_path, "model.bin") / "model.bin"
    write_record(tmp_path, {"model.bin": EMPTY})
    os.utime(file, ns=(1, 1))
    check(tmp_path, {})
    assert '"mtime_ns": 1,' in (tmp_path / RECORD_NAME).read_text()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": {"model.bin": 3}}'])
def test_an_unreadable_record_is_ignored(tmp_path: Path, text: str) -> None:
    lay(tmp_path, "model.bin")
    (tmp_path / RECORD_NAME).write_text(text)
    with pytest.raises(DamagedModelError):
        check(tmp_path, {})
    check(tmp_path, {"model.bin": EMPTY})


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    lay(tmp_path, "model.bin", "config.json")
    write_record(tmp_path, {"model.bin": EMPTY, "config.json": EMPTY})
    (tmp_path / "config.json").unlink()
    with pytest.raises(DamagedModelError, match=r"lacks config\.json"):
        check(tmp_path, {})


def test_the_record_may_be_kept_outside_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "snapshot"
    directory.mkdir()
    record = tmp_path / "records" / "revision.json"
    lay(directory, "model.bin")
    check(directory, {"model.bin": EMPTY}, record)
    assert record.is_file()
    assert [path.name for path in directory.iterdir()] == ["model.bin"]
