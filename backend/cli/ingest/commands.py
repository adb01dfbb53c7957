"""`nova ingest`: captions of a live stream."""

import signal
import sys
from pathlib import Path

import click

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.ingest.address import SourceAddress, parse_address
from backend.cli.ingest.cue_writer import SubtitleForm
from backend.cli.ingest.growing_files import SubtitlePlan, open_files
from backend.cli.ingest.output import CaptionOutput
from backend.cli.ingest.reader import LiveSource, SourceEnded
from backend.cli.ingest.session import SourceSession
from backend.cli.ingest.source import SourceTimeouts
from backend.cli.ingest.source_retries import SourceRetries
from backend.cli.options import (
    cue_options,
    find_or_start_option,
    key_option,
    language_option,
    room_option,
    speakers_option,
    targets_option,
)
from backend.cli.sinks.fan_out import CaptionSinks
from backend.cli.sinks.options import SinkPlan, sink_options
from backend.cli.sinks.reports import SinkReporter
from backend.cli.terminal.interrupts import on_first_signal, run_interruptible
from backend.errors import NovaError
from backend.local.discovery import find_or_start_server, print_status
from backend.messages.options import spoken_language
from backend.messages.protocol import Start

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("url")
@click.option("--srt", type=_FILE, metavar="FILE", help="Write SubRip subtitles to a file that grows.")
@click.option("--vtt", type=_FILE, metavar="FILE", help="Write WebVTT subtitles to a file that grows.")
@click.option("--overwrite", is_flag=True, help="Replace subtitle files that exist.")
@click.option("--jsonl", is_flag=True, help="Print JSON lines.")
@language_option
@targets_option
@speakers_option
@room_option
@find_or_start_option
@key_option
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="COUNT",
    help="Attempts in a row to open a lost source again; 0: none. Default: no limit.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=1),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="The source is lost if it sends nothing for this long. More than a segment of HLS.",
)
@cue_options
@sink_options
def ingest(
    url: str,
    srt: Path | None,
    vtt: Path | None,
    overwrite: bool,
    jsonl: bool,
    spoken: tuple[str, ...],
    targets: tuple[str, ...],
    speakers: bool,
    room: str | None,
    server: str | None,
    key: str,
    retries: int | None,
    timeout_s: float,
    limits: CueLimits,
    plan: SinkPlan,
) -> None:
    """Caption a live stream: RTSP, HLS, RTMP, SRT, or any other URL or file with audio; - is standard input.

    Files are read in real time. A source that ends unexpectedly or stalls is opened again, and silence stands for the
    outage. Ctrl-C ends the stream and waits for the last final; a second Ctrl-C exits at once. Exit status 1: the
    source was lost, or text is missing. Exit status 2: the source or the server cannot be used.
    """
    if srt and srt == vtt:
        raise click.UsageError("--srt and --vtt name the same file")
    address = parse_address(url)
    paths: dict[SubtitleForm, Path] = {**({"srt": srt} if srt else {}), **({"vtt": vtt} if vtt else {})}
    targets = tuple(dict.fromkeys((*targets, *plan.languages)))
    start = Start(
        **spoken_language(spoken),
        translate_to=targets,
        # Only the readers of a room see speech in progress.
        partials=bool(room),
        words=bool(paths or plan.addresses),
        speakers=speakers,
        room=room,
    )
    reporter = SinkReporter(as_json=jsonl)
    with open_files(SubtitlePlan(paths, targets, limits, overwrite)) as files:
        output = CaptionOutput(files, as_json=jsonl, sinks=CaptionSinks(plan.deliveries(reporter.report)))
        timeouts = SourceTimeouts(timeout_s, timeout_s)
        complete = run_interruptible(_caption(address, timeouts, SourceRetries(retries), start, output, server, key))
    if not complete or reporter.dropped:
        sys.exit(1)


async def _caption(
    address: SourceAddress,
    timeouts: SourceTimeouts,
    retries: SourceRetries,
    start: Start,
    output: CaptionOutput,
    server: str | None,
    key: str,
) -> bool:
    """Caption a source up to its end. Returns whether nothing is missing."""
    source = LiveSource(address, timeouts, retries)
    source.start()
    try:
        # A source that cannot be opened is reported before a server is started.
        if isinstance(opened := await source.next(), SourceEnded):
            raise opened.error or RuntimeError("the source ended before it was opened")
        async with find_or_start_server(server, model=None, translate=bool(start.translate_to)) as found:
            on_first_signal((signal.SIGINT, signal.SIGTERM), source.stop)
            print_status(f"reading {address.name}; press Ctrl-C to stop")
            session = SourceSession(source, output)
            async with output.delivering():
                await session.run(found.with_key(key), start)
    finally:
        source.stop()
        output.finish()
    return _is_complete(session.error) and not output.problems


def _is_complete(error: Exception | None) -> bool:
    """Report why a source ended early."""
    if error is None:
        return True
    if not isinstance(error, NovaError):
        raise error
    click.secho(f"nova: {error.message} ({error.code})", fg="red", err=True)
    return False
