"""Recordings are opened a few at a time, and slow files of one address delay only those of the same address."""

import asyncio
import time

import pytest

from backend.cli.files.media.errors import MediaError
from gateway.access.opening import MAX_WAITING, REST, SLOTS, OpeningTurns
from gateway.access.pending import TooManyConnectionsError


async def opened(turns: OpeningTurns, address: str, free: asyncio.Event, now: set[str]) -> None:
    name = f"{address} {id(asyncio.current_task())}"
    async with turns.turn(address):
        now.add(name)
        await free.wait()
        now.discard(name)


async def test_files_of_one_address_are_opened_one_after_the_other() -> None:
    turns, free, now = OpeningTurns(), asyncio.Event(), set[str]()
    async with asyncio.TaskGroup() as tasks:
        for address in ["hostile"] * 5 + ["other"]:
            tasks.create_task(opened(turns, address, free, now))
        await asyncio.sleep(0.01)
        assert sorted(name.split()[0] for name in now) == ["hostile", "other"]
        free.set()


async def test_few_files_are_opened_at_a_time() -> None:
    turns, free, now = OpeningTurns(), asyncio.Event(), set[str]()
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(opened(turns, f"192.0.2.{number}", free, now))
        await asyncio.sleep(0.01)
        assert len(now) == SLOTS
        free.set()


async def test_an_address_without_files_is_forgotten_also_after_a_cancellation() -> None:
    turns, free = OpeningTurns(), asyncio.Event()
    tasks = [asyncio.create_task(opened(turns, "192.0.2.1", free, set())) for _ in range(3)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    free.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (turns._slots._own, dict(turns._slots.counts)) == ({}, {})


async def test_an_address_may_have_few_files_on_disk() -> None:
    turns, free = OpeningTurns(), asyncio.Event()
    tasks = [asyncio.create_task(opened(turns, "192.0.2.1", free, set())) for _ in range(MAX_WAITING + 1)]
    await asyncio.sleep(0.01)
    with pytest.raises(TooManyConnectionsError):
        await opened(turns, "192.0.2.1", free, set())
    free.set()
    await opened(turns, "192.0.2.2", free, set())
    await asyncio.gather(*tasks)


async def test_an_address_rests_after_a_file_that_cannot_be_read_and_others_do_not() -> None:
    turns, openings, opened_once = OpeningTurns(), list[tuple[float, float]](), asyncio.Event()

    async def unreadable() -> None:
        async with turns.turn("hostile"):
            began = time.monotonic()
            await asyncio.sleep(0.02)
            openings.append((began, time.monotonic()))
            opened_once.set()
            raise MediaError("no format was found")

    hostile = [asyncio.create_task(unreadable()) for _ in range(2)]
    await opened_once.wait()
    async with turns.turn("other"):
        assert len(openings) == 1
    assert [type(error) for error in await asyncio.gather(*hostile, return_exceptions=True)] == [MediaError] * 2
    (began, ended), (again, _) = openings
    assert again - ended >= REST * (ended - began) * 0.99
