"""`nova transcribe`: recordings into text and subtitles, by the same pipeline that live speech takes."""

from __future__ import annotations

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

from backend.cli.files.media import MediaError, opened
from backend.cli.files.transcript import SUBTITLES, Format, Transcript, subtitles, write
from backend.cli.files.transcription import Show, transcribe_file
from backend.cli.options import key_option, language_option, server_option, targets_option
from backend.errors import NovaError
from backend.local.server import server
from backend.messages.protocol import Start


@dataclass(frozen=True, slots=True)
class Output:
    """Where transcripts go, and in which form."""

    form: Format
    directory: Path | None
    """None: stdout."""
    targets: tuple[str, ...]
    names: dict[Path, str]
    """Of each recording's files, without the suffix."""

    def put(self, path: Path, transcript: Transcript) -> None:
        """Write a recording's transcript; of a session that failed, what there was."""
        if self.directory is None:
            if len(self.names) > 1 and self.form == "txt":
                click.echo(f"==> {path} <==")
            click.echo(write(transcript, self.form, self.targets), nl=False)
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._save(path, self.form, write(transcript, self.form, self.targets))
        for target in self.targets if self.form in SUBTITLES else ():
            self._save(path, f"{target}.{self.form}", subtitles(transcript, self.form, target))

    def _save(self, path: Path, suffix: str, text: str) -> None:
        assert self.directory is not None
        (self.directory / f"{self.names[path]}.{suffix}").write_text(text, encoding="utf-8")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@language_option
@targets_option
@click.option("--format", "-f", "form", type=click.Choice(get_args(Format)), default="txt", show_default=True)
@click.option(
    "--output",
    "-o",
    metavar="DIR|-",
    default="-",
    help="Directory for files named as the recordings are; - (the default): standard output.",
)
@server_option
@key_option
@click.option("--model", metavar="NAME|DIR", help="Speech model; starts a system of its own with it.")
@click.option("--words", is_flag=True, help="Each word's times and confidence, in json.")
def transcribe(
    files: tuple[Path, ...],
    language: str,
    targets: tuple[str, ...],
    form: Format,
    output: str,
    named: str | None,
    key: str,
    model: str | None,
    words: bool,
) -> None:
    """Turn recordings, audio or video, into text or subtitles.

    Uses the server that is named, the one that NOVA_SERVER names or that runs here on port 8080; if there is none,
    starts a system for as long as it takes. Ends with status 1 when a file could not be transcribed, or not whole.
    """
    if named and model:
        raise click.UsageError("--model is the server's choice: give --server or --model")
    to = Output(form, _directory(output), targets, _names(files))
    if to.directory is None and form in SUBTITLES and (targets or len(to.names) > 1):
        raise click.UsageError("several subtitle files need a directory: give --output DIR")
    if to.directory and len(set(to.names.values())) < len(to.names):
        raise click.UsageError("two recordings of the same name: transcribe them one after the other")
    start = Start(language=language, translate_to=targets, partials=False, words=words or form in SUBTITLES)
    if not asyncio.run(_transcribe_all(start, to, named, key, model)):
        sys.exit(1)


def _directory(output: str) -> Path | None:
    if output == "-":
        return None
    directory = Path(output)
    if directory.is_file() or (directory.suffix[1:] in get_args(Format) and not directory.is_dir()):
        raise click.BadParameter(f"{output} is no directory", param_hint="--output")
    return directory


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """talk.mp4 becomes talk.srt; beside a talk.wav it becomes talk.mp4.srt."""
    stems = Counter(path.stem for path in set(files))
    return {path: path.stem if stems[path.stem] == 1 else path.name for path in files}


async def _transcribe_all(start: Start, to: Output, named: str | None, key: str, model: str | None) -> bool:
    """One session a file; whether all went well. Files that cannot be opened wait for no server."""
    sound = [path for path in to.names if _opens(path)]
    whole = len(sound) == len(to.names)
    if not sound:
        return whole
    async with server(named, model=model, translate=bool(start.translate_to)) as url:
        for path in sound:
            with _progress(path) as show:
                transcript = await transcribe_file(path, url, start, show, key)
            if transcript.finals or not transcript.problems:
                _put(to, path, transcript)
            for problem in transcript.problems:
                _complain(path, problem)
            whole = whole and not transcript.problems
    return whole


def _opens(path: Path) -> bool:
    try:
        with opened(path):
            return True
    except MediaError as error:
        _complain(path, error)
        return False


def _put(to: Output, path: Path, transcript: Transcript) -> None:
    try:
        to.put(path, transcript)
    except OSError as error:
        problem = f"its text cannot be written to {to.directory or 'standard output'}: {error.strerror}"
        transcript.problems.append(NovaError(problem, code="unwritable"))


def _complain(path: Path, problem: NovaError) -> None:
    sentence = problem.message if isinstance(problem, MediaError) else f"{path}: {problem.message}"
    click.secho(f"nova: {sentence} ({problem.code})", fg="red", err=True)


@contextmanager
def _progress(path: Path) -> Iterator[Show]:
    """A bar on stderr, when that is a terminal; stdout is for the text alone."""
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

        def show(position_s: float, length_s: float | None) -> None:
            bar.update(task, completed=position_s, total=length_s)

        yield show
