"""Where the transcripts of recordings are written: standard output, or files that are named after the recordings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from backend.cli.files.atomic_write import check_writable, write_atomically
from backend.cli.files.source import STDIN, display_name
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.transcript import SUBTITLES, FileTranscript, Format, render, render_subtitles
from backend.cli.terminal.streams import echo_json
from backend.errors import NovaError
from backend.text.printable import printable


class OutputError(NovaError):
    """The files for the transcripts cannot be written, or would replace other files."""

    code = "unwritable"


@dataclass(frozen=True, slots=True)
class Output:
    """The files to write. `directory` None means standard output. `recordings` holds the paths that the user named."""

    form: Format
    directory: Path | None
    targets: tuple[str, ...]
    recordings: Sequence[Path]
    overwrite: bool = False
    limits: CueLimits | None = None

    def prepare(self) -> None:
        """Create the directory. Raises OutputError if it is known that a transcript could not be written."""
        if self.directory is None:
            return
        self._check_names()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            check_writable(self.directory)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"no file can be written to {printable(str(self.directory))}: {reason}") from None

    def write(self, recording: Path, transcript: FileTranscript) -> list[Path]:
        """Write the transcript of a recording, which is partial if its session failed. Return the written files.

        A subtitle file of a language without any translation is not written. Raises OSError.
        """
        if self.directory is None:
            if len(self.recordings) > 1 and self.form == "txt":
                click.echo(f"==> {display_name(recording)} <==")
            self._print(render(transcript, self.form, self.targets, self.limits))
            return []
        written = []
        translated = {language for _, language in transcript.translations}
        for target, path in self._files(recording):
            if target is None:
                text = render(transcript, self.form, self.targets, self.limits)
            elif target in translated or not transcript.with_text:
                text = render_subtitles(transcript, self.form, target, self.limits)
            else:
                continue
            self._save(path, text)
            written.append(path)
        return written

    def _print(self, text: str) -> None:
        if self.form == "json":
            echo_json(text.removesuffix("\n"))
        else:
            click.echo(text, nl=False)

    def _save(self, path: Path, text: str) -> None:
        write_atomically(path, text.encode(), overwrite=self.overwrite)

    def _files(self, recording: Path) -> Iterator[tuple[str | None, Path]]:
        """The files of a recording, each with the language of its translation."""
        assert self.directory is not None
        name = self._name(recording)
        yield None, self.directory / f"{name}.{self.form}"
        for target in self.targets if self.form in SUBTITLES else ():
            yield target, self.directory / f"{name}.{target}.{self.form}"

    def _name(self, recording: Path) -> str:
        """talk.mp4 becomes talk.srt, or talk.mp4.srt if there is also a talk.wav."""
        stems = Counter(map(_stem, self.recordings))
        return _stem(recording) if stems[_stem(recording)] == 1 else recording.name

    def _check_names(self) -> None:
        """Raise OutputError if two recordings share a file, or if a file exists."""
        owners: dict[Path, Path] = {}
        for recording in self.recordings:
            for _, path in self._files(recording):
                if other := owners.get(path):
                    both = f"{display_name(other)} and {display_name(recording)}"
                    raise OutputError(
                        f"{both} would be written to the same file {_quoted(path)}: transcribe them separately"
                    )
                owners[path] = recording
        self._check_existing([path for path in owners if path.exists() or path.is_symlink()])

    def _check_existing(self, files: Sequence[Path]) -> None:
        recordings = {recording.resolve() for recording in self.recordings}
        for path in files:
            if path.resolve() in recordings:
                raise OutputError(f"{_quoted(path)} is one of the recordings: choose another --output")
        if files and not self.overwrite:
            others = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
            raise OutputError(f"{_quoted(files[0])} exists{others}: use --overwrite to replace it")


def _stem(recording: Path) -> str:
    return "stdin" if recording == STDIN else recording.stem


def _quoted(path: Path) -> str:
    return printable(str(path))
