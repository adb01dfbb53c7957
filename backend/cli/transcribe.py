"""`nova transcribe`: convert recordings to text and subtitles, with the same pipeline as live speech."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backend.cli.files.media.errors import MediaError, NoTrackError
from backend.cli.files.media.recording import Recording, open_recording
from backend.cli.files.media.tracks import name_tracks
from backend.cli.files.output import Output, OutputError
from backend.cli.files.source import Pipes, Source, display_name, pipes
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.transcript import SUBTITLES, FileTranscript, Format
from backend.cli.files.transcription import OnProgress, transcribe_file
from backend.cli.options import (
    cue_options,
    find_or_start_option,
    formatting_options,
    key_option,
    language_option,
    speakers_option,
    targets_option,
)
from backend.cli.terminal.interrupts import run_interruptible
from backend.cli.terminal.tables import printable
from backend.errors import NovaError
from backend.local.discovery import find_or_start_server, print_status
from backend.messages.options import DEFAULT_MAX_SPEAKERS, MAX_SPEAKERS, Denoise, Formatting, Task, spoken_language
from backend.messages.protocol import Start

# The silence that ends an utterance. No reader waits for the finals of a recording, and Whisper recognizes sentences
# that are not divided at short pauses better and at less cost (docs/explanation/performance.md).
ENDPOINT_MS = 1_500


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@language_option
@targets_option
@click.option(
    "--task",
    type=click.Choice(get_args(Task)),
    default="transcribe",
    show_default=True,
    help="With `translate`, the speech model itself writes English.",
)
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(get_args(Format)),
    default="txt",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--output",
    "-o",
    metavar="DIR|-",
    default="-",
    help="Directory for the files, which are named after the recordings. Default (-): standard output.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist in the directory.")
@find_or_start_option
@key_option
@click.option("--model", metavar="NAME|DIR", help="Speech model. Starts a private system with it.")
@cue_options
@click.option(
    "--track",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of the audio track, from 1. Default: the default track.",
)
@click.option(
    "--channels",
    is_flag=True,
    help="Recognize each channel on its own, such as the two sides of a call. Default: mix them.",
)
@click.option("--words", is_flag=True, help="Include times and confidence of each word (json).")
@speakers_option
@click.option(
    "--max-speakers",
    type=click.IntRange(1, MAX_SPEAKERS),
    metavar="N",
    help="Number of speakers, if it is known. Implies --speakers.",
)
@click.option(
    "--denoise",
    type=click.Choice(get_args(Denoise)),
    default="off",
    show_default=True,
    help="Reduce noise, if the server has the model `gtcrn`; auto: where there is much.",
)
@formatting_options
def transcribe(
    files: tuple[Path, ...],
    spoken: tuple[str, ...],
    targets: tuple[str, ...],
    task: Task,
    form: Format,
    output: str,
    overwrite: bool,
    server: str | None,
    key: str,
    model: str | None,
    track: int | None,
    channels: bool,
    words: bool,
    speakers: bool,
    max_speakers: int | None,
    denoise: Denoise,
    formatting: tuple[Formatting, ...],
    limits: CueLimits,
) -> None:
    """Convert audio or video recordings to text or subtitles.

    FILE may be a pipe, or - for standard input. It is saved to a temporary file first, because the index of many
    formats is at their end.

    Uses the server given by --server or NOVA_SERVER, or the one that `nova up` runs on this machine. If there is none,
    starts a private system and stops it at the end. Exit status 1: a file could not be transcribed completely.
    """
    if server and model:
        raise click.UsageError("the server chooses the model: use either --server or --model")
    if limits != CueLimits() and form not in SUBTITLES:
        raise click.UsageError("the options for cues require subtitles: use --format srt or vtt")
    to = Output(form, _directory(output), targets, tuple(dict.fromkeys(files)), overwrite, limits)
    if to.directory is None and form in SUBTITLES and (targets or len(to.recordings) > 1):
        reason = "subtitles are one file per language" if targets else "subtitles are one file per recording"
        raise click.UsageError(f"{reason}: use --output DIR")
    to.prepare()
    start = Start(
        **spoken_language(spoken),
        task=task,
        translate_to=targets,
        partials=False,
        priority="recording",
        words=words or form in SUBTITLES,
        endpoint_ms=ENDPOINT_MS,
        multichannel=channels,
        speakers=speakers or max_speakers is not None,
        max_speakers=max_speakers or DEFAULT_MAX_SPEAKERS,
        denoise=denoise,
        formatting=formatting,
    )
    with pipes() as saved:
        # Recordings that cannot be opened are reported before a server is started.
        sources = [source for path in to.recordings if (source := _open(path, track, saved, channels))]
        failed = run_interruptible(_transcribe_all(sources, start, to, server, key, model)) if sources else []
    failed += [path for path in to.recordings if path not in [source.path for source in sources]]
    if failed:
        _summarize(failed, to)
        sys.exit(1)


def _directory(output: str) -> Path | None:
    if output == "-":
        return None
    directory = Path(output)
    if (directory.exists() and not directory.is_dir()) or (
        directory.suffix[1:] in get_args(Format) and not directory.is_dir()
    ):
        raise click.BadParameter(f"{output} is not a directory", param_hint="--output")
    return directory


def _open(path: Path, track: int | None, saved: Pipes, separate: bool) -> Source | None:
    """Return a recording that can be opened, or report why it cannot be. Raises NoTrackError."""
    source = Source(path, path)
    try:
        source = replace(saved.source(path), track=track)
        with open_recording(source.file, track, separate=separate) as recording:
            _name_tracks(source, recording)
            return source
    except NoTrackError as error:
        raise source.describe(error) from None
    except MediaError as error:
        _report(source, source.describe(error))
        return None


def _name_tracks(source: Source, recording: Recording) -> None:
    """Say which track is read, if there are several and none was chosen."""
    if source.track is None and len(recording.tracks) > 1:
        names, read = name_tracks(recording.tracks), recording.track.number
        sentence = f"{source.name} has {len(recording.tracks)} audio tracks: {names}"
        click.secho(f"nova: {sentence}. Track {read} is read; choose another with --track", fg="yellow", err=True)


async def _transcribe_all(
    sources: Sequence[Source], start: Start, output: Output, address: str | None, key: str, model: str | None
) -> list[Path]:
    """Transcribe the recordings one after another. Returns those that were not transcribed completely."""
    failed = []
    async with find_or_start_server(address, model=model, translate=bool(start.translate_to)) as server:
        for source in sources:
            with _progress_bar(source.name) as on_progress:
                transcript = await transcribe_file(source, server.with_key(key), start, on_progress)
            if transcript.with_text or not transcript.problems:
                _write(output, source, transcript)
            if _is_without_speech(transcript):
                print_status(f"{source.name}: no speech was found")
            for notice in transcript.notices:
                click.secho(f"nova: {source.name}: {notice.message} ({notice.code})", fg="yellow", err=True)
            for problem in transcript.problems:
                _report(source, problem)
            if transcript.problems:
                failed.append(source.path)
    return failed


def _is_without_speech(transcript: FileTranscript) -> bool:
    return not transcript.with_text and not transcript.problems and not transcript.notices


def _write(output: Output, source: Source, transcript: FileTranscript) -> None:
    try:
        for path in output.write(source.path, transcript):
            print_status(f"wrote {printable(str(path))}")
    except BrokenPipeError:
        raise  # the reader has closed the pipe
    except OSError as error:
        place = error.filename or output.directory or "standard output"
        problem = f"the transcript cannot be written to {printable(str(place))}: {error.strerror}"
        transcript.problems.append(OutputError(problem))


def _report(source: Source, problem: NovaError) -> None:
    sentence = problem.message if isinstance(problem, MediaError) else f"{source.name}: {problem.message}"
    click.secho(f"nova: {sentence} ({problem.code})", fg="red", err=True)


def _summarize(failed: Sequence[Path], output: Output) -> None:
    """Name the recordings that failed, if there were several."""
    if len(output.recordings) > 1:
        names = ", ".join(display_name(path) for path in output.recordings if path in failed)
        count = f"{len(failed)} of {len(output.recordings)} recordings"
        click.secho(f"nova: {count} are missing or incomplete: {names}", fg="red", err=True)


@contextmanager
def _progress_bar(name: str) -> Iterator[OnProgress]:
    """Show a progress bar on stderr if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(escape(name), total=None)

        def update(position_s: float, length_s: float | None) -> None:
            bar.update(task, completed=position_s, total=length_s)

        yield update
