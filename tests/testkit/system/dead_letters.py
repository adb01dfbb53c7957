"""Letters that a real worker gave up, and what an operator does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from backend.cli.main import nova
from backend.errors import EntryError
from backend.messages.jobs import Transcript
from backend.streams.dead_letters import DeadLetter, DeadLetters
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.redis_job_streams import RedisJobStreams
from tests.integration.test_lanes import consuming, eventually, logged

PCM = b"\1\0\2\0" * 8_000
"""A second."""
POISON = "poison\x1b[2J"
"""What the worker complains of: with an escape sequence that clears a terminal."""


async def refuse(batch: Sequence[Entry[Any]]) -> list[Outcome]:
    raise EntryError(POISON, code="poison")


async def buried(streams: RedisJobStreams, count: int = 1, lane: Any = AUDIO) -> None:
    """Have a worker give up what waits, until there are so many dead letters."""

    async def all_dead() -> bool:
        return sum([await streams.redis.xlen(shard.dead(lane.group)) for shard in streams.shards]) == count

    # Each failure is an exception; printed with its locals it takes longer than all the rest.
    with capture_logs():
        async with consuming(streams, refuse, lane):
            await eventually(all_dead)


async def handled(streams: RedisJobStreams, handle: Any, events: int, lane: Any = AUDIO) -> list[Any]:
    """What a working worker makes of the lane: so many events of the session in all."""

    async def all_there() -> bool:
        return len(await logged(streams)) >= events

    async with consuming(streams, handle, lane):
        await eventually(all_there)
        await asyncio.sleep(0.1)  # for an event too many
    return await logged(streams)


def transcript(utterance: int) -> Transcript:
    return Transcript(
        kind="final",
        session="s",
        utterance=utterance,
        correlation_id="c",
        sent_at=1.5,
        text="hello",
        language="en",
        translate_to=("es",),
    )


async def entries(streams: RedisJobStreams, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = await streams.redis.xrange(stream)
    return list(found)


async def letters(dead: DeadLetters) -> list[DeadLetter]:
    return [letter async for letter in dead.scan()]


async def only(dead: DeadLetters) -> DeadLetter:
    (letter,) = await letters(dead)
    return letter


async def operator(redis_url: str, *arguments: str, answer: str = "", **environment: str) -> Result:
    """`nova dead ...`, in a thread: the command has an event loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke, nova, ["dead", *arguments], input=answer, env={"REDIS_URL": redis_url, **environment}
    )
