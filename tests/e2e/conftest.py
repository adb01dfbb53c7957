"""Tools that several end-to-end tests need."""

import os
import shutil
import subprocess

import pytest

from tests.paths import FRONTEND


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the client package built; a missing tool skips the tests here and fails in CI."""
    command = shutil.which("node")
    if command is None or not (FRONTEND / "node_modules").is_dir():
        reason = "Node.js or frontend/node_modules is missing (make page)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    node = str(command)
    build = (node, "node_modules/typescript/bin/tsc", "-p", "client/tsconfig.json")
    subprocess.run(build, cwd=FRONTEND, check=True)
    return node


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
