"""The structure check finds what it is for."""

from pathlib import Path

from tests.lint import structure


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_crowded_folder_is_found_and_init_files_do_not_count(tmp_path: Path) -> None:
    for number in range(structure.MAX_FILES):
        write(tmp_path, f"backend/full/m{number}.py")
        write(tmp_path, f"backend/crowded/m{number}.py")
    write(tmp_path, "backend/full/__init__.py")
    write(tmp_path, "backend/crowded/one_more.lua")
    assert structure.crowded_folders(tmp_path) == ["backend/crowded: 13 files"]


def test_a_long_file_is_found(tmp_path: Path) -> None:
    write(tmp_path, "gateway/long.py", "x = 1\n" * 301)
    write(tmp_path, "gateway/just_short_enough.py", "x = 1\n" * 300)
    assert structure.long_files(tmp_path) == ["gateway/long.py: 301 lines"]


def test_a_class_name_that_is_used_twice_and_a_format_directive_are_found(tmp_path: Path) -> None:
    write(tmp_path, "gateway/a.py", "class Same:\n    pass\n")
    write(tmp_path, "backend/b.py", "class Same:\n    pass\n\nx = [1,2]  # fmt: skip\n")
    found = structure.modules(tmp_path)
    assert structure.repeated_classes(found) == ["class Same: backend/b.py, gateway/a.py"]
    assert structure.skipped_formatting(found) == ["backend/b.py"]


def test_lengths_and_comments_are_counted_without_docstrings_and_tool_directives(tmp_path: Path) -> None:
    source = 'def f():\n    """Two\n    lines."""\n    # why\n    x = 1  # noqa: F841\n    return x\n'
    write(tmp_path, "gateway/a.py", source)
    (module,) = structure.modules(tmp_path)
    assert list(module.function_lengths()) == [4]
    assert module.comment_lines() == 1
    assert module.code_lines() == 3
