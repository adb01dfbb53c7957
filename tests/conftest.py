"""Fixtures of all tests: a real Redis, real models and a real system, each started once on a free port."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from backend import models
from backend.local.system import System, running
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from tests.paths import ROOT, SHARED
from tests.testkit.audio.clips import Clip, available_clips
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, own_redis, system_plan

T = TypeVar("T")

# The duration of an example depends on the load of the machine. The timeout of pytest ends hung tests.
settings.register_profile("nova", deadline=None)
# `make test-lowest` runs all tests again for the versions of the packages, not for more values.
settings.register_profile("lowest", deadline=None, max_examples=10)
settings.load_profile("nova")
# A background job of a shell ignores SIGINT, and so would the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a private Valkey."""
    with run_in_thread(own_redis(tmp_path_factory.mktemp("redis"))) as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client to an empty Redis."""
    client = connect(ServiceSettings(REDIS_URL=redis_url))
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder ../shared with clips, models and texts. Without it, tests that need it are skipped."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    return SHARED


@pytest.fixture(scope="session")
def whisper_base() -> Path:
    """Directory of Whisper base, downloaded as for a user."""
    return models.fetch("whisper-base")


@pytest.fixture(scope="session")
def opus_zh_en() -> Path:
    """Directory of OPUS-MT Chinese to English, downloaded as for a user."""
    return models.fetch("opus-zh-en")


@pytest.fixture(scope="session")
def whisper_tiny(whisper_base: Path) -> Path:
    """Directory of the smallest available Whisper: tiny from ../shared, otherwise base."""
    tiny = SHARED / "models" / "whisper-tiny-int8"
    return tiny if tiny.is_dir() else whisper_base


@pytest.fixture(scope="session")
def speech_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Real speech with its text: clips of ../shared, or sentences spoken by espeak-ng."""
    return available_clips(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def system(whisper_base: Path, opus_zh_en: Path, artifacts: Path) -> Iterator[System]:
    """Redis, a gateway, an STT worker with Whisper base and a translation worker, each its own process."""
    chosen = {"stt_model": str(whisper_base), "translation_models": str(opus_zh_en), "translation_workers": 1}
    plan = system_plan(artifacts / "logs", quick_claims=False, environment=NO_LOAD_LIMIT, **chosen)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Folder for logs and screenshots of the tests. Each worker of pytest-xdist has its own."""
    directory = Path(os.environ.get("NOVA_ARTIFACTS", ROOT / "artifacts")) / os.environ.get("PYTEST_XDIST_WORKER", "")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextlib.contextmanager
def run_in_thread(context: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Keep an asynchronous context open in a separate event loop, independent of the loops of the tests."""
    entered: Future[T] = Future()
    leave = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def hold() -> None:
        try:
            async with context as value:
                entered.set_result(value)
                await leave.wait()
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    thread = threading.Thread(target=lambda: loop.run_until_complete(hold()))
    thread.start()
    try:
        yield entered.result()
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join()
        loop.close()
