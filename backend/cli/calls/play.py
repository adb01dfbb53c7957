"""Plays a call in real time, and reports its results as they arrive."""

import asyncio
import contextlib
from collections.abc import Callable

from backend.cli.calls.call_audio import PACKET_MS, CallAudio
from backend.cli.calls.doors.door import CallDoor
from backend.cli.calls.results import CallResult
from backend.cli.calls.timeline import CallTimeline
from backend.errors import NovaError

# Receives a result, and the time of its arrival.
OnResult = Callable[[CallResult, float], None]


async def play(door: CallDoor, call: CallAudio, timeline: CallTimeline, on_result: OnResult) -> None:
    """Play a call to its end. Raises ServerError and DisconnectedError, in a group."""
    clock = asyncio.get_running_loop().time
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_speak(door, call, timeline))
        async for result in door:
            on_result(result, clock())
        sending.cancel()


async def _speak(door: CallDoor, call: CallAudio, timeline: CallTimeline) -> None:
    """Send each packet when its sound is over. If the call has ended, the task that reads results reports why."""
    clock = asyncio.get_running_loop().time
    due = clock()
    with contextlib.suppress(NovaError):
        for packet in call.packets():
            due += PACKET_MS / 1000
            await asyncio.sleep(max(0.0, due - clock()))
            await door.send(packet)
            timeline.packet_sent(clock())
        await door.hang_up()
