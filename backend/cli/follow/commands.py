"""`nova follow`: captions of a room."""

import asyncio
import signal
import sys
import time
from functools import partial
from pathlib import Path

import click

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.follow.output import RoomOutput
from backend.cli.follow.room_source import RoomSource
from backend.cli.ingest.cue_writer import SubtitleForm
from backend.cli.ingest.growing_files import SubtitlePlan, open_files
from backend.cli.options import checked_room, checked_target, cue_options, key_option, server_option
from backend.cli.sinks.fan_out import CaptionSinks
from backend.cli.sinks.options import SinkPlan, sink_options
from backend.cli.sinks.reports import SinkReporter
from backend.cli.terminal.interrupts import on_first_signal, run_interruptible
from backend.local.discovery import find_server, print_status

SPOKEN = "spoken"
_FILE = click.Path(path_type=Path, dir_okay=False)


def _language(_: click.Context, __: click.Parameter, value: str) -> str:
    return value if value == SPOKEN else checked_target(value)


@click.command()
@click.argument("room", callback=lambda _, __, value: checked_room(value))
@click.option(
    "--language",
    "-l",
    default=SPOKEN,
    show_default=True,
    callback=_language,
    metavar="CODE",
    help="Language to read, such as es.",
)
@click.option("--srt", type=_FILE, metavar="FILE", help="Write SubRip subtitles to a file that grows.")
@click.option("--vtt", type=_FILE, metavar="FILE", help="Write WebVTT subtitles to a file that grows.")
@click.option("--overwrite", is_flag=True, help="Replace subtitle files that exist.")
@click.option("--jsonl", is_flag=True, help="Print JSON lines.")
@server_option("Address, such as http://host:8080. Default: find a running system.")
@key_option
@cue_options
@sink_options
def follow(
    room: str,
    language: str,
    srt: Path | None,
    vtt: Path | None,
    overwrite: bool,
    jsonl: bool,
    server: str | None,
    key: str,
    limits: CueLimits,
    plan: SinkPlan,
) -> None:
    """Read the captions of a room in one language, and send them to YouTube, Zoom or OBS.

    The key is that of the room, or the token of a link. Captions of the time before the command are left out. Ctrl-C
    ends the command; a second one exits at once. Exit status 1: captions did not reach a sink. Exit status 2: the
    server or the room cannot be used.
    """
    if srt and srt == vtt:
        raise click.UsageError("--srt and --vtt name the same file")
    if plan.languages:
        raise click.UsageError("choose the language with --language")
    paths: dict[SubtitleForm, Path] = {**({"srt": srt} if srt else {}), **({"vtt": vtt} if vtt else {})}
    found = find_server(server).with_key(key)
    found.print_origin()
    reporter, began_at = SinkReporter(as_json=jsonl), time.time()
    with open_files(SubtitlePlan(paths, (), limits, overwrite)) as files:
        sinks = CaptionSinks(plan.deliveries(reporter.report), began_at)
        output = RoomOutput(files, sinks, began_at, as_json=jsonl)
        run_interruptible(_follow(RoomSource(found, room, language, print_status), output, sinks))
    if reporter.dropped:
        sys.exit(1)


async def _follow(source: RoomSource, output: RoomOutput, sinks: CaptionSinks) -> None:
    """Show the captions of a room until a signal arrives, or the link of the reader ends."""
    changed = asyncio.Event()
    async with sinks.running(), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_read(source, output, changed))
        ticking = tasks.create_task(_tick(output, changed))
        on_first_signal((signal.SIGINT, signal.SIGTERM), partial(_cancel, reading))
        await asyncio.wait((reading,))
        ticking.cancel()
        output.finish()


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _read(source: RoomSource, output: RoomOutput, changed: asyncio.Event) -> None:
    async for caption in source.captions():
        output.apply(caption)
        changed.set()


async def _tick(output: RoomOutput, changed: asyncio.Event) -> None:
    """Show lines that wait for others in vain."""
    while True:
        changed.clear()
        if (delay_s := output.tick()) is None:
            await changed.wait()
        else:
            await asyncio.sleep(delay_s)
