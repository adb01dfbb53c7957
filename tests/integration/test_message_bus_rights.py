"""The Redis user of the page about the streaming-STT protocol may do what its programs need, and nothing else."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from backend.streams.redis.clients import client
from tests.conftest import run_in_thread
from tests.paths import ROOT
from tests.testkit.system.plans import own_redis

PAGE = ROOT / "docs" / "howto" / "use-the-streaming-stt-protocol.md"
STREAM, RESULTS = "ai.voice.stream.one", "ai.voice.transcription.one"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_in_thread(own_redis(tmp_path_factory.mktemp("redis"))) as url:
        yield url


@pytest.fixture
async def program(server: str) -> AsyncIterator[Redis]:
    """A connection of the page's user."""
    found = re.search(r"^user program on >PASSWORD (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    async with aclosing(client(server)) as admin:
        await admin.execute_command("ACL", "SETUSER", "program", "reset", "on", ">secret", *found[1].split())  # type: ignore[no-untyped-call]
    async with aclosing(Redis.from_url(server.replace("redis://", "redis://program:secret@"))) as redis:
        yield redis


async def test_a_program_sends_audio_and_receives_text(server: str, program: Redis) -> None:
    async with program.pubsub(ignore_subscribe_messages=True) as results, aclosing(client(server)) as gateway:
        await results.subscribe(RESULTS)
        await results.get_message(timeout=5)
        async with gateway.pubsub(ignore_subscribe_messages=True) as streams:
            await streams.psubscribe("ai.voice.stream.*")
            await streams.get_message(timeout=5)
            assert await program.publish(STREAM, b"audio") == 1
            message = await streams.get_message(timeout=5)
            assert message
            assert message["data"] == b"audio"
        assert await gateway.publish(RESULTS, b"text") == 1
        message = await results.get_message(timeout=5)
        assert message
        assert message["data"] == b"text"
        await results.unsubscribe(RESULTS)


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "nova:workers"),
        ("SET", "x", "y"),
        ("PUBLISH", "nova:{0}:events:x", ""),
        ("PUBLISH", "other", ""),
        ("SUBSCRIBE", "other"),
        ("PSUBSCRIBE", "ai.voice.*"),
        ("SPUBLISH", STREAM, ""),
        ("KEYS", "*"),
        ("ACL", "LIST"),
    ],
    ids=" ".join,
)
async def test_a_program_may_do_nothing_else(program: Redis, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        await program.execute_command(*command)  # type: ignore[no-untyped-call]
