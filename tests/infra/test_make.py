"""Messages of `make run` and `make desktop`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.tools import tool
from tests.paths import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile in which everything has been built."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    sources = ("pyproject.toml", "constraints.txt", "frontend/package.json", "frontend/package-lock.json")
    for name in (*sources, "frontend/index.html", ".venv/.ready", "frontend/dist/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [tool("make"), *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_the_installation_of_the_packages_is_announced_and_not_silent(checkout: Path) -> None:
    (checkout / ".venv/.ready").unlink()
    lines = make(checkout, "--dry-run", "setup").stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if "pip install" in line)
    assert "Installing the Python packages" in lines[number - 1]
    assert "--quiet" not in lines[number]


def test_the_desktop_client_without_node_says_what_is_missing(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "find"):
        (programs / name).symlink_to(tool(name))
    done = make(checkout, "desktop", PATH=str(programs))
    assert done.returncode != 0
    assert "The desktop client requires Node.js 20 or later." in done.stdout
    assert "not found" not in done.stdout + done.stderr


def install_electron(installer: Path) -> subprocess.CompletedProcess[str]:
    command = [tool("node"), str(ROOT / "frontend/scripts/install-electron.mjs"), str(installer)]
    environment = {**os.environ, "ELECTRON_MIRROR": "http://127.0.0.1:1/"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_a_network_the_download_of_electron_names_the_mirror(tmp_path: Path) -> None:
    # The installer of Electron prints the stack trace of its error, and exits with status 1.
    installer = tmp_path / "install.cjs"
    installer.write_text(
        "Promise.reject(new RangeError('connect ECONNREFUSED 127.0.0.1:1'))"
        ".catch((error) => { console.error(error.stack); process.exit(1); });"
    )
    done = install_electron(installer)
    assert done.returncode == 1
    assert done.stderr == (
        "Electron could not be downloaded from http://127.0.0.1:1/ (RangeError: connect ECONNREFUSED 127.0.0.1:1): "
        "connect to the internet, or set ELECTRON_MIRROR to the address of a mirror.\n"
    )


def test_a_download_of_electron_that_is_interrupted_ends_without_a_reason(tmp_path: Path) -> None:
    installer = tmp_path / "install.cjs"
    installer.write_text("process.kill(process.pid, 'SIGINT'); setTimeout(() => {}, 10_000);")
    done = install_electron(installer)
    assert (done.returncode, done.stderr) == (1, "")


def test_without_the_packages_the_download_of_electron_names_the_command_that_installs_them(tmp_path: Path) -> None:
    done = install_electron(tmp_path / "install.cjs")
    assert done.returncode == 1
    assert done.stderr == "Electron is not installed: run `npm ci` in the folder frontend.\n"
