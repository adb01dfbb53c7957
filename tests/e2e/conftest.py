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
