"""`make dist`, and each package installed into an empty environment: the server with its page, and both clients."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.local.processes import free_port
from tests.paths import ROOT
from tests.testkit.audio.clips import Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.checkout import copy_sources, lend_page
from tests.testkit.desktop.browser import drive, microphone
from tests.testkit.docs.newcomer import Newcomer, says
from tests.testkit.docs.snippets import snippets
from tests.testkit.environments import install
from tests.testkit.node import with_global_websocket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FILES = ("SHA256SUMS", "constraints.txt", "npm.cdx.json", "python.cdx.json")


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory, node: str) -> Path:
    """The folder that `make dist` writes, with the tools of the environment that runs the tests."""
    checkout = copy_sources(tmp_path_factory.mktemp("packages") / "checkout")
    lend_page(checkout)
    make = ["make", "--old-file", ".venv/.ready", f"BIN={Path(sys.executable).parent}", "dist"]
    done = subprocess.run(make, cwd=checkout, env=without_settings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "dist"


def without_settings() -> dict[str, str]:
    """The environment without what would change the program under test or `make`."""
    hidden = ("NOVA_", "GATEWAY_", "STT_", "TRANSLATION_", "REDIS_", "PYTHON", "MAKE", "MFLAGS")
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(hidden)}
    return {**kept, **{name: os.environ[name] for name in ("NOVA_CACHE_DIR",) if name in os.environ}}


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture(scope="session")
def clip(speech_clips: list[Clip]) -> Clip:
    """A few seconds, clearly spoken."""
    return next((clip for clip in speech_clips if clip.id == "ls-367-130732-0001"), speech_clips[0])


@pytest.fixture(scope="session")
def server(dist: Path, tmp_path_factory: pytest.TempPathFactory, whisper_tiny: Path, opus_zh_en: Path) -> Iterator[str]:
    """The address of `nova up` from the wheel with the extra `all`, in an environment without Node.js."""
    folder = tmp_path_factory.mktemp("server")
    programs = install(only(dist, "*.whl"), folder / "environment", "all")
    (programs / "bash").symlink_to(str(shutil.which("bash")))
    path = str(programs)
    assert shutil.which("node", path=path) is None
    models = {"STT_MODEL": str(whisper_tiny), "TRANSLATION_MODELS": str(opus_zh_en)}
    environment = {**without_settings(), **models, "PATH": path, "TMPDIR": str(folder)}
    port = free_port()
    with Newcomer(folder, environment, {}, "").started(f"nova up --port {port}", "Press Ctrl-C to stop"):
        yield f"http://127.0.0.1:{port}"


def test_all_packages_are_built_and_their_digests_are_listed(dist: Path) -> None:
    packages = {only(dist, f"nova*voice-*{ending}").name for ending in ("whl", "tar.gz", "tgz")}
    assert {file.name for file in dist.iterdir()} == packages | set(FILES)
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert digests.keys() == packages | set(FILES) - {"SHA256SUMS"}
    assert all(hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest for name, digest in digests.items())


def test_the_wheel_and_the_source_package_contain_the_page(dist: Path) -> None:
    page = {str(file.relative_to(ROOT / "frontend" / "dist")) for file in (ROOT / "frontend" / "dist").rglob("*.*")}
    assert {"index.html", "favicon.svg"} <= page
    wheel = set(zipfile.ZipFile(only(dist, "*.whl")).namelist())
    assert {f"gateway/page/{name}" for name in page} <= wheel
    with tarfile.open(only(dist, "*.tar.gz")) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {f"frontend/dist/{name}" for name in page} | {"constraints.txt", "LICENSE", "README.md", "setup.py"} <= names


def test_no_package_contains_tests(dist: Path) -> None:
    names = zipfile.ZipFile(only(dist, "*.whl")).namelist()
    assert [name for name in names if name.startswith(("tests/", "docs/", "frontend/"))] == []
    with tarfile.open(only(dist, "*.tgz")) as client:
        files = client.getnames()
    assert {"package/LICENSE", "package/README.md", "package/dist/index.js", "package/dist/index.d.ts"} <= set(files)
    assert [name for name in files if ".test." in name or "/src/" in name] == []
    assert (ROOT / "frontend" / "client" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_packages_have_the_same_version(dist: Path) -> None:
    version = json.loads((ROOT / "frontend" / "client" / "package.json").read_text())["version"]
    assert only(dist, "*.tgz").name == f"nova-voice-{version}.tgz"
    assert only(dist, "*.whl").name.startswith(f"nova_voice-{version}-")


async def test_the_page_of_the_wheel_transcribes_in_a_browser(
    server: str, browser: str, clip: Clip, artifacts: Path
) -> None:
    recording = artifacts / "page-of-wheel.wav"
    seconds = microphone(clip, recording)
    options = ("--seconds", str(seconds + 0.5), "--language", clip.language)
    report = await drive(browser, "transcribe", server, recording, artifacts, *options)
    assert report["consoleErrors"] == []
    assert says(" ".join(utterance["committed"] for utterance in report["utterances"]), clip.text)


def program(page: str, language: str, server: str) -> str:
    """The first program of a quick start, with the address of the server."""
    text = (ROOT / "docs" / "quickstart" / page).read_text(encoding="utf-8")
    found = next(one for one in snippets(text) if one.language == language)
    assert "127.0.0.1:8080" in found.text
    return found.text.replace("127.0.0.1:8080", server.removeprefix("http://"))


def output(*command: str | Path, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_client_of_the_wheel_transcribes(dist: Path, server: str, clip: Clip, tmp_path: Path) -> None:
    programs = install(only(dist, "*.whl"), tmp_path / "environment")
    (tmp_path / "transcribe.py").write_text(program("python.md", "python", server))
    encode(tmp_path / "speech.wav", clip.pcm())
    command = (programs / "python", "transcribe.py", "speech.wav")
    assert says(output(*command, folder=tmp_path, environment=without_settings()), clip.text)


def test_the_javascript_client_of_the_package_transcribes(
    dist: Path, server: str, clip: Clip, node: str, tmp_path: Path
) -> None:
    environment = {**without_settings(), **with_global_websocket()}
    (tmp_path / "package.json").write_text("{}")
    npm = ("npm", "install", "--offline", "--no-audit", "--no-fund", only(dist, "*.tgz"))
    output(*npm, folder=tmp_path, environment=environment)
    assert not (tmp_path / "node_modules" / "nova-voice").is_symlink()
    (tmp_path / "transcribe.mjs").write_text(program("javascript.md", "js", server))
    (tmp_path / "speech.pcm").write_bytes(clip.pcm().tobytes())
    command = (node, "transcribe.mjs", "speech.pcm")
    assert says(output(*command, folder=tmp_path, environment=environment), clip.text)
