"""What the tests in browsers share."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.paths import FRONTEND


@pytest.fixture(scope="session")
def browser() -> str:
    """Chromium, with Node and the built page; a missing one skips here and fails in CI."""
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
        said = f"missing for the page's tests: {', '.join(missing)}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    return str(found)
