"""`nova mic`: live captions from the microphone."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import click

from backend.cli.files.media.errors import MediaError
from backend.cli.options import find_or_start_option, key_option, language_option, targets_option
from backend.cli.terminal.captions import caption_screen
from backend.cli.terminal.interrupts import on_first_signal, run_interruptible
from backend.cli.terminal.microphone import AudioSource, microphone, recording
from backend.client.client import Client, DisconnectedError
from backend.local.discovery import find_or_start_server, open_session, print_status
from backend.messages.options import spoken_language
from backend.messages.protocol import AudioFormat, Error, Notice, Start


@click.command()
@language_option
@targets_option
@find_or_start_option
@key_option
@click.option("--file", type=click.Path(path_type=Path), help="Play this recording instead of using the microphone.")
def mic(spoken: tuple[str, ...], targets: tuple[str, ...], server: str | None, key: str, file: Path | None) -> None:
    """Show live captions of your speech. Committed words are bright; dim words may still change.

    Ctrl-C stops the microphone and waits for the last final; a second Ctrl-C exits at once. The server is found as for
    `nova transcribe`.
    """
    if not run_interruptible(_caption(Start(**spoken_language(spoken), translate_to=targets), server, key, file)):
        sys.exit(1)


async def _caption(start: Start, server: str | None, key: str, file: Path | None) -> bool:
    """Run until the source ends or Ctrl-C is pressed. Returns whether the source was read without an error."""
    with recording(file) if file else microphone() as source:
        start = start.model_copy(update={"audio": AudioFormat(sample_rate=source.sample_rate)})
        async with (
            find_or_start_server(server, model=None, translate=bool(start.translate_to)) as found,
            open_session(found.with_key(key), start) as client,
            asyncio.TaskGroup() as tasks,
        ):
            sending = tasks.create_task(_send_audio(client, source, _ctrl_c()))
            print_status("listening; press Ctrl-C to stop")
            await _show(client)
    return sending.result()


async def _show(client: Client) -> None:
    with caption_screen() as screen:
        async for event in client:
            screen.show(event)
            if isinstance(event, Error | Notice):
                print_status(f"{event.message} ({event.code})")


async def _send_audio(client: Client, source: AudioSource, stop: asyncio.Event) -> bool:
    """Send audio until the end. Returns whether the source was read without an error.

    If the session has ended, the task that reads events reports why.
    """
    complete = True
    with contextlib.suppress(DisconnectedError):
        try:
            while not stop.is_set() and (block := await source.read()):
                await client.send(block)
        except MediaError as error:
            print_status(f"{error.message} ({error.code})")
            complete = False
        await client.stop()
    return complete


def _ctrl_c() -> asyncio.Event:
    """An event that the first Ctrl-C sets. The second Ctrl-C raises KeyboardInterrupt."""
    stop = asyncio.Event()
    on_first_signal((signal.SIGINT,), stop.set)
    return stop
