"""Dead letters that a real worker has written, and the operator's commands for them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from backend.cli.main import nova
from backend.errors import EntryError
from backend.streams.dead_letters import DeadLetter, DeadLetters
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.redis_job_streams import RedisJobStreams
from tests.testkit.streams.on_redis import consuming, eventually, has_logged, logged

# One second of audio.
ONE_SECOND = b"\1\0\2\0" * 8_000
# The worker's error message, with an escape sequence that clears a terminal.
POISON = "poison\x1b[2J"


async def refuse(batch: Sequence[Entry[Any]]) -> list[Outcome]:
    raise EntryError(POISON, code="poison")


async def dead_lettered(streams: RedisJobStreams, count: int = 1, job_stream: Any = AUDIO) -> None:
    """Run a worker that can process nothing, until there are `count` dead letters."""

    async def all_dead() -> bool:
        return sum([await streams.redis.xlen(shard.dead(job_stream.group)) for shard in streams.shards]) == count

    # Each failure is logged with a traceback and its locals, which takes longer than the rest of the test.
    with capture_logs():
        async with consuming(streams, refuse, job_stream):
            await eventually(all_dead)


async def handled(streams: RedisJobStreams, handle: Any, count: int, job_stream: Any = AUDIO) -> list[Any]:
    """Run a worker until the session has `count` durable events, and return them."""
    async with consuming(streams, handle, job_stream):
        await has_logged(streams, count)
        await asyncio.sleep(0.1)  # for a duplicate
    return await logged(streams)


async def entries(streams: RedisJobStreams, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = await streams.redis.xrange(stream)
    return list(found)


async def all_dead_letters(dead: DeadLetters) -> list[DeadLetter]:
    return [dead_letter async for dead_letter in dead.scan()]


async def only_dead_letter(dead: DeadLetters) -> DeadLetter:
    (dead_letter,) = await all_dead_letters(dead)
    return dead_letter


async def operator(redis_url: str, *arguments: str, answer: str = "", **environment: str) -> Result:
    """Run `nova dead ...` in a thread, because the command has an event loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke, nova, ["dead", *arguments], input=answer, env={"REDIS_URL": redis_url, **environment}
    )
