"""The store against a hub that misbehaves, and against other processes that want the same."""

import multiprocessing
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import ModelError
from backend.models import Store
from backend.models.catalogue import Hub, Model
from tests.testkit.hub import CONTENT, HUB, WEIGHTS, Server, assert_whole, path_of, serving, store, whisper


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_a_model_is_fetched_verified_and_then_found_without_a_network(tmp_path: Path, server: Server) -> None:
    told: dict[str, list[int]] = defaultdict(list)
    place = store(tmp_path, server).fetch("test", lambda name, done, total: told[name].append(done))
    assert_whole(place)
    assert set(told) == set(CONTENT)
    assert told["model.bin"] == sorted(told["model.bin"])
    assert told["model.bin"][0] == 0
    assert told["model.bin"][-1] == len(WEIGHTS)
    server.ranges.clear()
    assert store(tmp_path, server).fetch("whisper-test") == store(tmp_path, server).resolve("test") == place
    assert not server.ranges
    assert not (tmp_path / "cache" / ".incoming" / "whisper-test").exists()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(tmp_path: Path, server: Server) -> None:
    server.script[path_of("model.bin")] = ["cut", "cut"]
    assert_whole(store(tmp_path, server).fetch("test"))
    assert server.ranges[path_of("model.bin")] == [None, "bytes=1500000-", "bytes=2250000-"]


def test_a_fetch_that_was_given_up_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    server.script[path_of("model.bin")] = ["cut", "missing"]
    with pytest.raises(ModelError, match="answered 404"):
        store(tmp_path, server).fetch("test")
    with pytest.raises(ModelError, match="not on this machine"):
        store(tmp_path, server).resolve("test")
    server.ranges.clear()
    assert_whole(store(tmp_path, server).fetch("test"))
    assert server.ranges[path_of("model.bin")] == ["bytes=1500000-"]
    assert path_of("config.json") not in server.ranges


def test_a_server_that_cannot_resume_sends_the_file_anew(tmp_path: Path, server: Server) -> None:
    server.script[path_of("model.bin")] = ["cut", "no-range"]
    assert_whole(store(tmp_path, server).fetch("test"))


def test_all_bytes_of_an_interrupted_download_may_be_here_already(tmp_path: Path, server: Server) -> None:
    part = tmp_path / "cache" / ".incoming" / "whisper-test" / "0" / "files" / "model.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS)
    assert_whole(store(tmp_path, server).fetch("test"))


@pytest.mark.parametrize("size", [100, len(WEIGHTS), len(WEIGHTS) + 7])
def test_leftovers_of_something_else_are_thrown_away(tmp_path: Path, server: Server, size: int) -> None:
    part = tmp_path / "cache" / ".incoming" / "whisper-test" / "0" / "files" / "model.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(size))
    assert_whole(store(tmp_path, server).fetch("test"))


def test_wrong_bytes_are_refused_deleted_and_never_used(tmp_path: Path, server: Server) -> None:
    server.script[path_of("model.bin")] = ["wrong"]
    with pytest.raises(ModelError, match=r"model\.bin is not the file that the catalogue knows"):
        store(tmp_path, server).fetch("test")
    assert not list(tmp_path.rglob("model.bin*"))
    assert_whole(store(tmp_path, server).fetch("test"))


def test_more_bytes_than_there_should_be_are_not_even_stored(tmp_path: Path, server: Server) -> None:
    server.offer(HUB, {"tokenizer.json": bytes(5_000_000)})
    with pytest.raises(ModelError, match="sends more"):
        store(tmp_path, server).fetch("test")
    assert sum(path.stat().st_size for path in tmp_path.rglob("tokenizer*")) < 2_000_000


def test_a_source_that_lacks_the_model_is_passed_over(tmp_path: Path, server: Server) -> None:
    assert_whole(store(tmp_path, server, whisper(Hub("no/body", "1" * 40), HUB)).fetch("test"))


@pytest.mark.parametrize("act", ["hang", "cut-and-hang"])
def test_a_source_that_hangs_is_passed_over_in_seconds(tmp_path: Path, server: Server, act: str) -> None:
    mirror = Hub("mir/ror", "2" * 40)
    server.offer(mirror, CONTENT)
    server.script[path_of("config.json" if act == "hang" else "model.bin")] = [act, "hang", "hang"]
    started = time.monotonic()
    assert_whole(store(tmp_path, server, whisper(HUB, mirror)).fetch("test"))
    assert time.monotonic() - started < 6


def test_when_no_source_serves_one_sentence_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    with Server() as closed:
        endpoint = closed.url
    nowhere = Store(tmp_path, endpoint=endpoint, catalogue=(whisper(HUB, HUB),))
    started = time.monotonic()
    with pytest.raises(ModelError) as raised:
        nowhere.fetch("test")
    assert time.monotonic() - started < 3
    assert re.fullmatch(
        r"whisper-test could not be fetched \((127\.0\.0\.1:\d+: Connection refused(; )?){2}\): "
        r"connect to the network, set HF_ENDPOINT to a mirror of the hub, "
        r"or set NOVA_MODELS_DIR to a directory that holds the model as whisper-test/",
        raised.value.message,
    )


def test_an_endpoint_that_is_no_address_is_told_like_any_other_failure(tmp_path: Path) -> None:
    for endpoint in ("mirror.example", "http://[", "http://\x00"):
        with pytest.raises(ModelError, match="could not be fetched"):
            Store(tmp_path, endpoint=endpoint, catalogue=(whisper(),)).fetch("test")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, server: Server) -> None:
    (tmp_path / "cache").write_text("a file stands in the way")
    with pytest.raises(ModelError, match=r"whisper-test cannot be written to .*cache: "):
        store(tmp_path, server).fetch("test")


def test_a_damaged_model_is_refused_and_fetched_again(tmp_path: Path, server: Server) -> None:
    place = store(tmp_path, server).fetch("test")
    (place / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    with pytest.raises(ModelError, match=r"model\.bin .*nova models pull whisper-test"):
        store(tmp_path, server).resolve("test")
    assert_whole(store(tmp_path, server).fetch("test"))
    assert not (tmp_path / "cache" / ".incoming" / "whisper-test").exists()


def fetch_known(cache: Path, endpoint: str, model: Model) -> None:
    """Run in a process of its own, which has other WEIGHTS."""
    Store(cache, endpoint=endpoint, catalogue=(model,), patience_s=30.0).fetch("test")


def test_processes_that_want_the_same_model_fetch_it_once(tmp_path: Path, server: Server) -> None:
    spawn = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "cache", server.url, whisper())
    processes = [spawn.Process(target=fetch_known, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert {path: len(ranges) for path, ranges in server.ranges.items()} == {path_of(name): 1 for name in CONTENT}
    assert_whole(store(tmp_path, server).resolve("test"))


def test_a_process_that_is_killed_in_a_fetch_leaves_the_next_one_its_bytes(tmp_path: Path, server: Server) -> None:
    server.script[path_of("model.bin")] = ["cut-and-hang"]
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=fetch_known, args=(tmp_path / "cache", server.url, whisper()))
    process.start()
    part = tmp_path / "cache" / ".incoming" / "whisper-test" / "0" / "files" / "model.bin.part"
    deadline = time.monotonic() + 30
    while not (part.is_file() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    left = part.stat().st_size
    assert 0 < left < len(WEIGHTS)
    assert_whole(store(tmp_path, server).fetch("test"))
    assert server.ranges[path_of("model.bin")] == [None, f"bytes={left}-"]
