"""Directories of empty model files."""

from pathlib import Path

# SHA-256 of an empty file.
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def lay(directory: Path, *names: str) -> Path:
    """Create empty files, and return their directory."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).touch()
    return directory
