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
from backend.streams.dead_letters import DeadLetters, Letter
from backend.streams.job_streams import AUDIO, Entry, Lanes, Outcome
from tests.integration.test_lanes import consuming, eventually, logged

PCM = b"\1\0\2\0" * 8_000
"""A second."""
POISON = "poison\x1b[2J"
"""What the worker complains of: with an escape sequence that clears a terminal."""


async def refuse(batch: Sequence[Entry[Any]]) -> list[Outcome]:
    raise EntryError(POISON, code="poison")


async def buried(lanes: Lanes, count: int = 1, lane: Any = AUDIO) -> None:
    """Have a worker give up what waits, until there are so many dead letters."""

    async def all_dead() -> bool:
        return sum([await lanes.redis.xlen(shard.dead(lane.group)) for shard in lanes.shards]) == count

    # Each failure is an exception; printed with its locals it takes longer than all the rest.
    with capture_logs():
        async with consuming(lanes, refuse, lane):
            await eventually(all_dead)


async def handled(lanes: Lanes, handle: Any, events: int, lane: Any = AUDIO) -> list[Any]:
    """What a working worker makes of the lane: so many events of the session in all."""

    async def all_there() -> bool:
        return len(await logged(lanes)) >= events

    async with consuming(lanes, handle, lane):
        await eventually(all_there)
        await asyncio.sleep(0.1)  # for an event too many
    return await logged(lanes)


def transcript(utterance: int) -> Transcript:
    return Transcript(
        kind="final", session="s", utterance=utterance, correlation_id="c", sent_at=1.5, text="hello", language="en",
        translate_to=("es",),
    )  # fmt: skip


async def entries(lanes: Lanes, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = await lanes.redis.xrange(stream)
    return list(found)


async def letters(dead: DeadLetters) -> list[Letter]:
    return [letter async for letter in dead.all()]


async def only(dead: DeadLetters) -> Letter:
    (letter,) = await letters(dead)
    return letter


async def operator(redis_url: str, *arguments: str, answer: str = "", **environment: str) -> Result:
    """`nova dead ...`, in a thread: the command has an event loop of its own."""
    return await asyncio.to_thread(
        CliRunner().invoke, nova, ["dead", *arguments], input=answer, env={"REDIS_URL": redis_url, **environment}
    )
