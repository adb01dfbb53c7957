"""A new user with a clone of the repository and the system that `make run` has started in it."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.local.processes import free_port
from tests.e2e.docs.plan import CLONE, FOLLOWED, MAKE_RUN, TUTORIAL
from tests.paths import FRONTEND, ROOT
from tests.testkit.audio.clips import Clip
from tests.testkit.checkout import copy_sources, lend_page
from tests.testkit.docs.newcomer import Newcomer
from tests.testkit.docs.recordings import write_recordings
from tests.testkit.docs.steps import steps
from tests.testkit.docs.treatments import Run
from tests.testkit.node import with_global_websocket
from tests.testkit.servers.threads import serve_in_thread, url_of

MODULES = ("@deepgram/sdk", "openai", "ws")
READY = "Press Ctrl-C to stop"


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory, node: str) -> Path:
    """An empty folder. JavaScript in it and below finds the packages that the guides use."""
    folder = tmp_path_factory.mktemp("newcomer")
    modules = folder / "node_modules"
    modules.mkdir()
    for name in MODULES:
        (modules / name).parent.mkdir(exist_ok=True)
        (modules / name).symlink_to(FRONTEND / "node_modules" / name)
    (modules / "nova-voice").symlink_to(FRONTEND / "client")
    (folder / "tmp").mkdir()
    return folder


@pytest.fixture(scope="session")
def repository(work: Path) -> Path:
    """A repository with the current files, also those that are not committed."""
    place = copy_sources(work / "repository")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "The current files"]):
        subprocess.run([*git, *command], cwd=place, check=True)
    return place


@pytest.fixture(scope="session")
def environment(work: Path, whisper_base: Path, opus_zh_en: Path) -> dict[str, str]:
    """The environment of the user's shell, without settings of Nova Voice except for the installed models.

    pip downloads only setuptools, which builds the project. All other packages are those of the environment that runs
    the tests.
    """
    hidden = ("NOVA_", "GATEWAY_", "STT_", "TRANSLATION_", "REDIS_", "PYTHON", "MAKE", "MFLAGS")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(hidden) or name == "NOVA_CACHE_DIR"
    }
    return {
        **kept,
        **with_global_websocket(),
        "PATH": f"{work / 'nova-voice' / '.venv' / 'bin'}{os.pathsep}{kept['PATH']}",
        "PIP_NO_DEPS": "1",
        "PYTHON": str(Path(getattr(sys, "_base_executable", sys.executable))),
        "PYTHONUTF8": "1",
        "STT_MODEL": str(whisper_base),
        "TMPDIR": str(work / "tmp"),
        "TRANSLATION_MODELS": str(opus_zh_en),
    }


def lend_packages(environment: Path) -> None:
    """Let a virtual environment use the packages of the one that runs the tests.

    Files that end with .pth are not read there, so that its editable installation of the project is not used.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = environment / "lib" / version / "site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


@pytest.fixture(scope="session")
def newcomer(work: Path, repository: Path, environment: dict[str, str], speech_clips: list[Clip]) -> Iterator[Newcomer]:
    """The user, after the first two commands of the tutorial. The output of `make run` is compared with the page."""
    port = free_port()
    clip = next((clip for clip in speech_clips if clip.id == "ls-367-130732-0001"), speech_clips[0])
    address = f"127.0.0.1:{port}"
    replaced = {"127.0.0.1:8080": address, "localhost:8080": address, "REPOSITORY": str(repository)}
    replaced |= {"--port 8080": f"--port {port}", "YOUR_PROJECT": str(work / "project")}
    replaced |= {"PATH_TO_CHECKOUT": str(work / "nova-voice")}
    user = Newcomer(work, environment, replaced, clip.text)
    user.run(user.adapt(CLONE), Run())
    checkout = user.folder
    lend_packages(checkout / ".venv")
    lend_page(checkout)
    for folder in (checkout, work / "project"):
        write_recordings(clip, folder)
    (work / "project" / "package.json").write_text("{}")
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=checkout))
    with ExitStack() as stack:
        replaced["https://example.com"] = url_of(stack.enter_context(serve_in_thread(web)))
        running = stack.enter_context(user.started(f"env GATEWAY_PORT={port} {MAKE_RUN}", READY))
        _compare_with_tutorial(user)
        yield user
        assert running.poll() is None, "the system has ended"
    assert "Stopping" in user.output


class _Quiet(SimpleHTTPRequestHandler):
    """A web server with the recordings. It logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


def _compare_with_tutorial(user: Newcomer) -> None:
    """The lines that the tutorial shows are those that `make run` has printed."""
    text = (ROOT / TUTORIAL).read_text(encoding="utf-8")
    shown = next(step for step in steps(TUTORIAL, text, FOLLOWED[TUTORIAL]) if step.name.startswith("Nova Voice"))
    user.compare(user.adapt(shown.text))
