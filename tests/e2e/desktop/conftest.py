"""Fixtures of the browser tests."""

import os
import shutil

import pytest

from tests.paths import FRONTEND


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of Chromium. Skips the test if Chromium, Node or the built page is missing; fails in CI."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    missing = [
        name
        for name, there in (
            ("chromium", found),
            ("node", shutil.which("node")),
            ("frontend/node_modules (make page)", (FRONTEND / "node_modules").is_dir()),
            ("frontend/dist (make page)", (FRONTEND / "dist" / "index.html").is_file()),
        )
        if not there
    ]
    if missing:
        reason = f"missing for browser tests: {', '.join(missing)}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(found)
