"""Runs the tasks of rooms, which outlive the connections that start them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class RoomTasks:
    """Run `run_forever` as a task while the process lives."""

    def __init__(self) -> None:
        # Unbounded, but holds at most one item for each session and room that has just been opened.
        self._new: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this until it ends. An error ends only this task."""
        self._new.put_nowait(work)

    async def run_forever(self) -> None:
        """Run all tasks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(_logging_errors(await self._new.get()))


async def _logging_errors(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        log.exception("room_task_failed", error=repr(error))
