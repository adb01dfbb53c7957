"""The model store against a local hub that fails in every way, and with other processes that fetch the same model."""

import multiprocessing
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from backend.errors import DamagedModelError, ModelError
from backend.models import ModelStore
from backend.models import hub as hub_module
from backend.models.hub import HubConfig
from backend.models.specs import ArgosSource, HubSource, ModelSpec
from tests.testkit.servers.hub import (
    CONTENT,
    HUB,
    WEIGHTS,
    HubServer,
    assert_whole,
    path_of,
    serving,
    spec_of,
    store,
    whisper,
)


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token of the person who runs the tests is sent."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with serving() as running:
        yield running


def blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "hub").rglob("blobs/*") if path.is_file()]


def test_a_fetched_model_is_verified_and_then_found_without_network_access(tmp_path: Path, server: HubServer) -> None:
    reported: dict[str, list[int]] = defaultdict(list)
    place = store(tmp_path, server).fetch("test", lambda name, done, total: reported[name].append(done))
    assert_whole(place)
    assert set(reported) == set(CONTENT)
    assert reported["model.bin"] == sorted(reported["model.bin"])
    assert reported["model.bin"][0] == 0
    assert reported["model.bin"][-1] == len(WEIGHTS)
    server.requests.clear()
    assert store(tmp_path, server).fetch("whisper-test") == store(tmp_path, server).resolve("test") == place
    assert [found.path for found in store(tmp_path, server).installed()] == [place]
    assert not server.requests
    assert not (tmp_path / "cache" / ".incoming" / "whisper-test").exists()


def download_with_huggingface_hub(cache: Path, server: HubServer, *names: str) -> None:
    """Fill the shared cache the way any other Hugging Face tool does."""
    for name in names:
        huggingface_hub.hf_hub_download(
            HUB.repository, name, revision=HUB.revision, cache_dir=cache, endpoint=server.url
        )
    server.requests.clear()


def test_a_model_that_another_tool_downloaded_is_used_without_a_request(tmp_path: Path, server: HubServer) -> None:
    download_with_huggingface_hub(tmp_path / "hub", server, *CONTENT)
    place = store(tmp_path, server).resolve("test")
    assert_whole(place)
    assert place == store(tmp_path, server).fetch("test")
    assert (tmp_path / "hub") in place.parents
    assert not server.requests


def test_only_the_files_that_the_shared_cache_lacks_are_downloaded(tmp_path: Path, server: HubServer) -> None:
    download_with_huggingface_hub(tmp_path / "hub", server, "model.bin", "config.json")
    with pytest.raises(ModelError, match="not on this machine"):
        store(tmp_path, server).resolve("test")
    assert_whole(store(tmp_path, server).fetch("test"))
    assert {request.path for request in server.requests} == {path_of("tokenizer.json"), path_of("vocabulary.txt")}


def test_resolving_a_model_imports_neither_huggingface_hub_nor_an_http_client(
    tmp_path: Path, server: HubServer
) -> None:
    place = store(tmp_path, server).fetch("test")
    script = (
        "import sys; from backend import models;"
        f"print(models.resolve({str(place)!r})); models.installed();"
        "assert not {'huggingface_hub', 'httpx', 'requests'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(place)


def test_offline_mode_sends_no_request(tmp_path: Path, server: HubServer) -> None:
    online = store(tmp_path, server, whisper(ArgosSource(f"{server.url}/x", spec_of("x", b"")), HUB))
    offline = replace(online, hub=replace(online.hub, offline=True))
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        offline.fetch("test")
    assert not server.requests
    place = online.fetch("test")
    server.requests.clear()
    assert offline.fetch("test") == place
    assert not server.requests


def test_the_token_is_sent_to_the_endpoint_and_to_no_other_server(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    with serving() as storage, serving() as argos:
        server.storage = storage
        elsewhere = ArgosSource(f"{argos.url}/v1/package", spec_of("package", b"absent"))
        assert_whole(store(tmp_path, server, whisper(elsewhere, HUB)).fetch("test"))
        assert {request.authorization for request in server.requests} == {"Bearer hf_secret"}
        assert {request.method for request in server.requests} == {"HEAD"}
        assert {request.path for request in storage.requests} == {path_of(name) for name in CONTENT}
        assert argos.requests
        assert {request.authorization for request in (*storage.requests, *argos.requests)} == {None}


def test_a_broken_connection_is_resumed(tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # huggingface_hub resumes at multiples of its chunk size, by default 10 MB.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500_000)
    server.script[path_of("model.bin")] = ["cut", "cut"]
    assert_whole(store(tmp_path, server).fetch("test"))
    assert server.ranges(path_of("model.bin")) == [None, "bytes=1500000-", "bytes=2000000-"]


def test_a_server_that_ignores_range_sends_the_file_from_its_start(tmp_path: Path, server: HubServer) -> None:
    server.script[path_of("model.bin")] = ["cut", "no-range"]
    assert_whole(store(tmp_path, server).fetch("test"))


def test_wrong_bytes_are_refused_deleted_and_never_used(tmp_path: Path, server: HubServer) -> None:
    server.script[path_of("model.bin")] = ["wrong"]
    with pytest.raises(ModelError, match=r"model\.bin does not have the sha256 of the catalogue"):
        store(tmp_path, server).fetch("test")
    assert not list(tmp_path.rglob("model.bin*"))
    assert [path.read_bytes() for path in blobs(tmp_path)] == [CONTENT["config.json"]]
    assert_whole(store(tmp_path, server).fetch("test"))


def test_after_wrong_bytes_the_next_source_is_tried(tmp_path: Path, server: HubServer) -> None:
    mirror = HubSource("mir/ror", "2" * 40)
    server.offer(mirror, CONTENT)
    server.script[path_of("model.bin")] = ["wrong"]
    place = store(tmp_path, server, whisper(HUB, mirror)).fetch("test")
    assert_whole(place)
    assert place.name == mirror.revision


def test_a_file_of_another_size_is_not_downloaded(tmp_path: Path, server: HubServer) -> None:
    server.offer(HUB, {"tokenizer.json": bytes(5_000_000)})
    with pytest.raises(ModelError, match=r"tokenizer\.json has 5000000 bytes instead of 18"):
        store(tmp_path, server).fetch("test")
    assert not server.ranges(path_of("tokenizer.json"))


def test_a_source_without_the_model_is_passed_over(tmp_path: Path, server: HubServer) -> None:
    assert_whole(store(tmp_path, server, whisper(HubSource("no/body", "1" * 40), HUB)).fetch("test"))


def test_a_hub_that_does_not_answer_is_passed_over_after_one_timeout(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "PROBE_TIMEOUT_S", 0.5)
    mirror = HubSource("mir/ror", "2" * 40)
    server.offer(mirror, CONTENT)
    server.script[f"HEAD {path_of('config.json')}"] = ["hang"] * 9
    assert_whole(store(tmp_path, server, whisper(HUB, mirror)).fetch("test"))
    assert [request.path for request in server.requests].count(path_of("config.json")) == 1


def test_a_hub_that_stalls_during_a_download_is_passed_over(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    mirror = HubSource("mir/ror", "2" * 40)
    server.offer(mirror, CONTENT)
    server.script[path_of("model.bin")] = ["cut-and-hang", *["hang"] * 9]
    assert_whole(store(tmp_path, server, whisper(HUB, mirror)).fetch("test"))


def test_when_every_source_fails_the_error_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    with HubServer() as closed:
        endpoint = closed.url
    unreachable = ModelStore(tmp_path, HubConfig(tmp_path / "hub", endpoint), catalogue=(whisper(HUB, HUB),))
    started = time.monotonic()
    with pytest.raises(ModelError) as raised:
        unreachable.fetch("test")
    assert time.monotonic() - started < 15  # with retries it takes minutes
    assert re.fullmatch(
        r"whisper-test could not be downloaded \((127\.0\.0\.1:\d+: Connection refused(; )?){2}\): "
        r"connect to the network, set HF_ENDPOINT to a mirror of the hub, "
        r"or set NOVA_MODELS_DIR to a directory that holds the model as whisper-test/",
        raised.value.message,
    )


@pytest.mark.parametrize("endpoint", ["mirror.example", "http://[", "http://\x00"])
def test_an_invalid_endpoint_is_reported_as_a_failed_source(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ModelError, match="could not be downloaded"):
        ModelStore(tmp_path, HubConfig(tmp_path / "hub", endpoint), catalogue=(whisper(),)).fetch("test")


def test_a_server_that_is_not_a_hub_is_reported_as_a_failed_source(tmp_path: Path, server: HubServer) -> None:
    plain = HubSource("some/files", "main")  # the server sends no X-Repo-Commit for a branch
    server.offer(plain, CONTENT)
    with pytest.raises(ModelError, match="could not be downloaded"):
        store(tmp_path, server, whisper(plain)).fetch("test")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, server: HubServer) -> None:
    (tmp_path / "cache").write_text("a file in the place of the directory")
    with pytest.raises(ModelError, match=r"whisper-test cannot be written to .*cache: "):
        store(tmp_path, server).fetch("test")


def test_a_damaged_model_is_refused_and_downloaded_again(tmp_path: Path, server: HubServer) -> None:
    place = store(tmp_path, server).fetch("test")
    (place / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    with pytest.raises(DamagedModelError, match=r"model\.bin .*nova models pull whisper-test"):
        store(tmp_path, server).resolve("test")
    assert store(tmp_path, server).installed() == []
    server.requests.clear()
    assert_whole(store(tmp_path, server).fetch("test"))
    assert {request.path for request in server.requests} == {path_of("model.bin")}


def test_a_read_only_cache_is_used_and_verified_each_time(tmp_path: Path, server: HubServer) -> None:
    place = store(tmp_path, server).fetch("test")
    record = tmp_path / "cache" / ".verified"
    (record / f"{HUB.revision}.json").unlink()
    record.rmdir()
    record.write_text("a file in the place of the directory, so that no record can be written")
    assert store(tmp_path, server).resolve("test") == place
    (place / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    with pytest.raises(DamagedModelError):
        store(tmp_path, server).resolve("test")


def fetch_in_child(cache: Path, endpoint: str, model: ModelSpec) -> None:
    """Runs in a child process, where WEIGHTS are other bytes: the model is passed as an argument."""
    ModelStore(cache / "cache", HubConfig(cache / "hub", endpoint), catalogue=(model,)).fetch("test")


def test_processes_that_fetch_the_same_model_download_it_once(tmp_path: Path, server: HubServer) -> None:
    spawn = multiprocessing.get_context("spawn")
    arguments = (tmp_path, server.url, whisper())
    processes = [spawn.Process(target=fetch_in_child, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert {name: len(server.ranges(path_of(name))) for name in CONTENT} == dict.fromkeys(CONTENT, 1)
    assert_whole(store(tmp_path, server).resolve("test"))


def test_a_process_that_is_killed_during_a_download_blocks_no_other(tmp_path: Path, server: HubServer) -> None:
    server.script[path_of("model.bin")] = ["cut-and-hang"]
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=fetch_in_child, args=(tmp_path, server.url, whisper()))
    process.start()
    deadline = time.monotonic() + 30
    while not server.ranges(path_of("model.bin")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    with pytest.raises(ModelError, match="not on this machine"):
        store(tmp_path, server).resolve("test")
    assert_whole(store(tmp_path, server).fetch("test"))
    assert len(server.ranges(path_of("config.json"))) == 1
