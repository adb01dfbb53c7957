"""The wheel, installed without extras into an empty environment: the client works, and no server package is needed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import run_in_thread
from tests.paths import ROOT
from tests.testkit.servers.fake_gateway import Gateway, serving

SERVER_PACKAGES = ("redis", "fastapi", "prometheus_client", "structlog", "numpy", "click", "httpx")
CLIENT = """
import importlib.util, sys
import nova_voice
installed = [name for name in {packages} if importlib.util.find_spec(name)]
assert not installed, installed
with nova_voice.SyncClient.connect({url!r}, nova_voice.Start()) as client:
    client.send(bytes(2 * 16 * 700))
    client.stop()
    print([event.text for event in client if isinstance(event, nova_voice.Final)])
"""


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and its dependencies."""
    # A copy, because setuptools writes into the source directory.
    source, environment = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("environment")
    for name in ("backend", "gateway", "stt_worker", "translation_worker"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", source, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    (wheel,) = source.glob("*.whl")
    subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", wheel], check=True)
    return environment


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_client_works_without_the_packages_of_servers(environment: Path) -> None:
    with run_in_thread(serving(Gateway())) as gateway:
        script = CLIENT.format(packages=SERVER_PACKAGES, url=gateway.url)
        done = run(environment / "bin" / "python", "-I", "-c", script)
    assert (done.stdout, done.stderr) == ("['1', '2']\n", "")


@pytest.mark.slow
def test_the_client_is_typed(environment: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("from nova_voice import Final\nreveal_type(Final.model_fields)\nx: int = Final\n")
    python = environment / "bin" / "python"
    done = run(Path(sys.executable), "-m", "mypy", "--config-file=", f"--python-executable={python}", str(program))
    assert re.search(r'program.py:3: error: .*"type\[Final\]"', done.stdout), done.stdout
    assert "import-untyped" not in done.stdout


@pytest.mark.slow
def test_the_command_names_the_extra_that_it_needs(environment: Path) -> None:
    done = run(environment / "bin" / "nova", "status")
    assert done.returncode == 1
    assert done.stderr == "nova: the package click is not installed: pip install 'nova-voice[cli]'\n"
