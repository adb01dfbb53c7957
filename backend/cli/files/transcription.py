"""One recording through one session, as fast as the server takes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from backend.cli.files.media import MediaError, Recording, opened
from backend.cli.files.transcript import Transcript
from backend.client.client import Client, DisconnectedError
from backend.errors import NovaError
from backend.local.server import session
from backend.messages.protocol import Start

Show = Callable[[float, float | None], None]
"""Hears how many seconds are covered, and of how many where that is known."""


async def transcribe_file(path: Path, url: str, start: Start, show: Show, key: str = "") -> Transcript:
    """The transcript of a file. Never raises NovaError: what goes wrong is among the problems, what there is stays."""
    transcript = Transcript()
    try:
        with opened(path) as recording:
            async with session(url, start, key) as client, asyncio.TaskGroup() as tasks:
                tasks.create_task(_speak(client, recording, transcript))
                async for event in client:
                    transcript.take(event)
                    show(transcript.position_ms / 1000, recording.length_s)
    except* NovaError as failed:
        transcript.problems += _leaves(failed)
    return transcript


async def _speak(client: Client, recording: Recording, transcript: Transcript) -> None:
    """Send the file to its end, or to where it breaks off. A session that is over is the reader's to explain."""
    with contextlib.suppress(DisconnectedError):
        while block := await _next(recording, transcript):
            await client.send(block)
        await client.stop()


async def _next(recording: Recording, transcript: Transcript) -> bytes:
    try:
        return await asyncio.to_thread(recording.read)
    except MediaError as error:
        transcript.problems.append(error)
        return b""


def _leaves(failed: BaseExceptionGroup[NovaError]) -> list[NovaError]:
    """The errors in a group, without the groups in it."""
    leaves: list[NovaError] = []
    for error in failed.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
