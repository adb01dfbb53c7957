"""`nova mic`: speak, and read along."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import click

from backend.cli.files.media import MediaError
from backend.cli.options import key_option, language_option, server_option, targets_option
from backend.cli.terminal.captions import screen
from backend.cli.terminal.microphone import Source, microphone, recording
from backend.client.client import Client, DisconnectedError
from backend.local.server import server, session, tell
from backend.messages.protocol import AudioFormat, Error, Notice, Start


@click.command()
@language_option
@targets_option
@server_option
@key_option
@click.option("--file", type=click.Path(path_type=Path), help="Play this recording instead of listening.")
def mic(language: str, targets: tuple[str, ...], named: str | None, key: str, file: Path | None) -> None:
    """Speak, and read along: firm words stay, dim ones may still change.

    Ctrl-C stops listening and waits for the last words; a second one ends at once. The server is found as
    `nova transcribe` finds it.
    """
    if not asyncio.run(_caption(Start(language=language, translate_to=targets), named, key, file)):
        sys.exit(1)


async def _caption(start: Start, named: str | None, key: str, file: Path | None) -> bool:
    """Until the source ends or Ctrl-C; whether all went well."""
    with recording(file) if file else microphone() as source:
        start = start.model_copy(update={"audio": AudioFormat(sample_rate=source.sample_rate)})
        async with (
            server(named, model=None, translate=bool(start.translate_to)) as url,
            session(url, start, key) as client,
            asyncio.TaskGroup() as tasks,
        ):
            speaking = tasks.create_task(_speak(client, source, _ctrl_c()))
            tell("speak; Ctrl-C ends")
            await _show(client)
    return speaking.result()


async def _show(client: Client) -> None:
    with screen() as shown:
        async for event in client:
            shown.show(event)
            if isinstance(event, Error | Notice):
                tell(f"{event.message} ({event.code})")


async def _speak(client: Client, source: Source, stop: asyncio.Event) -> bool:
    """Send what is spoken; whether the source was sound. A session that is over is the reader's to explain."""
    sound = True
    with contextlib.suppress(DisconnectedError):
        try:
            while not stop.is_set() and (block := await source.read()):
                await client.send(block)
        except MediaError as error:
            tell(f"{error.message} ({error.code})")
            sound = False
        await client.stop()
    return sound


def _ctrl_c() -> asyncio.Event:
    """Set by the first Ctrl-C; the second one is Python's own again."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    with contextlib.suppress(NotImplementedError):  # Windows: there the first one ends at once
        loop.add_signal_handler(signal.SIGINT, heard)
    return stop
