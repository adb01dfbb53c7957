"""A copy of the repository's files, because tests must not build in the repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import FRONTEND, ROOT


def copy_sources(place: Path) -> Path:
    """Copy all files that belong to the repository, also those that are not committed. Returns `place`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    return place


def lend_page(checkout: Path) -> None:
    """Copy the page that `make page` has built for the same files, and use the same packages of the frontend.

    Skips the test if the page is not built; fails in CI.
    """
    if not (FRONTEND / "dist" / "index.html").is_file():
        pytest.fail("the page is not built: make page") if os.environ.get("CI") else pytest.skip("make page")
    shutil.copytree(FRONTEND / "dist", checkout / "frontend" / "dist", copy_function=shutil.copy)
    (checkout / "frontend" / "node_modules").symlink_to(FRONTEND / "node_modules")
