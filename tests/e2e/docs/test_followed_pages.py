"""A new user follows the pages literally, on another port, with the system that the tutorial starts."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.docs.conftest import lend_packages
from tests.e2e.docs.plan import FOLLOWED
from tests.paths import ROOT
from tests.testkit.docs.newcomer import Newcomer
from tests.testkit.docs.steps import steps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PYTHON_CLIENT = "docs/quickstart/python.md"


@pytest.fixture
def client_environment(newcomer: Newcomer, work: Path) -> Mapping[str, str]:
    """The user's shell in a new virtual environment, where the quick start for Python installs the client."""
    environment = work / "client"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    lend_packages(environment)
    pip = environment / "bin" / "pip"
    pip.write_text(
        f"#!{environment / 'bin' / 'python'}\nfrom pip._internal.cli.main import main\nraise SystemExit(main())\n"
    )
    pip.chmod(0o755)
    path = f"{environment / 'bin'}{os.pathsep}{newcomer.environment['PATH']}"
    return {**newcomer.environment, "PATH": path}


@pytest.mark.parametrize("page", FOLLOWED)
def test_every_command_and_program_of_a_page_works(
    newcomer: Newcomer, work: Path, page: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page == PYTHON_CLIENT:
        monkeypatch.setattr(newcomer, "environment", request.getfixturevalue("client_environment"))
    text = (ROOT / page).read_text(encoding="utf-8")
    newcomer.follow(steps(page, text, FOLLOWED[page]), work / "nova-voice")
