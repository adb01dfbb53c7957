"""`nova transcribe`: convert recordings to text and subtitles, with the same pipeline as live speech."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backend.cli.files.media import MediaError, open_recording
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.transcript import SUBTITLES, FileTranscript, Format, render, render_subtitles
from backend.cli.files.transcription import OnProgress, transcribe_file
from backend.cli.options import cue_options, key_option, language_option, server_option, targets_option
from backend.errors import NovaError
from backend.local.discovery import find_or_start_server
from backend.messages.protocol import Start


@dataclass(frozen=True, slots=True)
class Output:
    """Where transcripts are written, and in which format.

    `directory` None means stdout. `names` maps each recording to the name of its files, without suffix.
    """

    form: Format
    directory: Path | None
    targets: tuple[str, ...]
    names: dict[Path, str]
    limits: CueLimits

    def write(self, path: Path, transcript: FileTranscript) -> None:
        """Write the transcript of a recording, which is partial if its session failed."""
        if self.directory is None:
            if len(self.names) > 1 and self.form == "txt":
                click.echo(f"==> {path} <==")
            click.echo(render(transcript, self.form, self.targets, self.limits), nl=False)
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._save(path, self.form, render(transcript, self.form, self.targets, self.limits))
        for target in self.targets if self.form in SUBTITLES else ():
            self._save(path, f"{target}.{self.form}", render_subtitles(transcript, self.form, target, self.limits))

    def _save(self, path: Path, suffix: str, text: str) -> None:
        assert self.directory is not None
        (self.directory / f"{self.names[path]}.{suffix}").write_text(text, encoding="utf-8")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@language_option
@targets_option
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
@server_option
@key_option
@click.option("--model", metavar="NAME|DIR", help="Speech model. Starts a private system with it.")
@cue_options
@click.option("--words", is_flag=True, help="Include times and confidence of each word (json).")
def transcribe(
    files: tuple[Path, ...],
    language: str,
    targets: tuple[str, ...],
    form: Format,
    output: str,
    server: str | None,
    key: str,
    model: str | None,
    words: bool,
    limits: CueLimits,
) -> None:
    """Convert audio or video recordings to text or subtitles.

    Uses the server given by --server or NOVA_SERVER, or the one on port 8080 of this machine. If there is none, starts
    a private system and stops it at the end. Exit status 1: a file could not be transcribed completely.
    """
    if server and model:
        raise click.UsageError("the server chooses the model: use either --server or --model")
    if limits != CueLimits() and form not in SUBTITLES:
        raise click.UsageError("the options for cues require subtitles: use --format srt or vtt")
    to = Output(form, _directory(output), targets, _names(files), limits)
    if to.directory is None and form in SUBTITLES and (targets or len(to.names) > 1):
        raise click.UsageError("several subtitle files require a directory: use --output DIR")
    if to.directory and len(set(to.names.values())) < len(to.names):
        raise click.UsageError("two recordings have the same name: transcribe them separately")
    start = Start(language=language, translate_to=targets, partials=False, words=words or form in SUBTITLES)
    if not asyncio.run(_transcribe_all(start, to, server, key, model)):
        sys.exit(1)


def _directory(output: str) -> Path | None:
    if output == "-":
        return None
    directory = Path(output)
    if directory.is_file() or (directory.suffix[1:] in get_args(Format) and not directory.is_dir()):
        raise click.BadParameter(f"{output} is not a directory", param_hint="--output")
    return directory


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """Output names: talk.mp4 becomes talk.srt, or talk.mp4.srt if there is also a talk.wav."""
    stems = Counter(path.stem for path in set(files))
    return {path: path.stem if stems[path.stem] == 1 else path.name for path in files}


async def _transcribe_all(start: Start, output: Output, address: str | None, key: str, model: str | None) -> bool:
    """Transcribe the files one after another. Returns whether all were transcribed completely."""
    # Files that cannot be opened are reported before a server is started.
    readable = [path for path in output.names if _opens(path)]
    complete = len(readable) == len(output.names)
    if not readable:
        return complete
    async with find_or_start_server(address, model=model, translate=bool(start.translate_to)) as url:
        for path in readable:
            with _progress_bar(path) as on_progress:
                transcript = await transcribe_file(path, url, start, on_progress, key)
            if transcript.finals or not transcript.problems:
                _write(output, path, transcript)
            for notice in transcript.notices:
                click.secho(f"nova: {path}: {notice.message} ({notice.code})", fg="yellow", err=True)
            for problem in transcript.problems:
                _report(path, problem)
            complete = complete and not transcript.problems
    return complete


def _opens(path: Path) -> bool:
    try:
        with open_recording(path):
            return True
    except MediaError as error:
        _report(path, error)
        return False


def _write(output: Output, path: Path, transcript: FileTranscript) -> None:
    try:
        output.write(path, transcript)
    except OSError as error:
        problem = f"the transcript cannot be written to {output.directory or 'standard output'}: {error.strerror}"
        transcript.problems.append(NovaError(problem, code="unwritable"))


def _report(path: Path, problem: NovaError) -> None:
    sentence = problem.message if isinstance(problem, MediaError) else f"{path}: {problem.message}"
    click.secho(f"nova: {sentence} ({problem.code})", fg="red", err=True)


@contextmanager
def _progress_bar(path: Path) -> Iterator[OnProgress]:
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
        task = bar.add_task(path.name, total=None)

        def update(position_s: float, length_s: float | None) -> None:
            bar.update(task, completed=position_s, total=length_s)

        yield update
