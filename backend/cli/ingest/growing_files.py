"""Subtitle files that players can read while they grow."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from backend.cli.files.output import OutputError
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText
from backend.cli.ingest.cue_writer import CueWriter, SubtitleForm
from backend.text.printable import printable


@dataclass(frozen=True, slots=True)
class SubtitlePlan:
    """The files to write: one for the spoken language and one for each target, in each form."""

    paths: dict[SubtitleForm, Path]
    targets: Sequence[str]
    limits: CueLimits
    overwrite: bool

    def files(self) -> Iterator[tuple[SubtitleForm, str | None, Path]]:
        """Form, target language (None: the spoken one) and path of each file: talk.srt, talk.es.srt."""
        for form, path in self.paths.items():
            yield form, None, path
            for target in self.targets:
                yield form, target, path.with_name(f"{path.stem}.{target}{path.suffix}")


class GrowingFile:
    """One subtitle file. A cue is written with one call of the system, so that a reader sees no part of it."""

    def __init__(self, file: FileIO, writer: CueWriter) -> None:
        self._file, self._writer = file, writer
        self._write(writer.header)

    def append(self, utterance: Sequence[TimedText]) -> None:
        """Write the cues of an utterance. Raises OSError."""
        for cue in self._writer.render(utterance):
            self._write(cue)

    def _write(self, text: str) -> None:
        rest = text.encode()
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


class GrowingFiles:
    """All subtitle files of a stream. Create it with `open_files`."""

    def __init__(self, files: Sequence[tuple[str | None, GrowingFile]]) -> None:
        self._files = files

    def append(self, target: str | None, utterance: Sequence[TimedText]) -> None:
        """Write an utterance to the files of a language, None: of the spoken one."""
        for language, file in self._files:
            if language == target:
                file.append(utterance)


@contextmanager
def open_files(plan: SubtitlePlan) -> Iterator[GrowingFiles]:
    """Create the files. Raises OutputError if one exists or cannot be written."""
    planned = list(plan.files())
    for _, _, path in planned:
        # A pipe or a device is written to as it is.
        if path.is_file() and not plan.overwrite:
            raise OutputError(f"{printable(str(path))} exists: use --overwrite to replace it")
    with ExitStack() as stack:
        try:
            files = [
                (target, GrowingFile(stack.enter_context(path.open("wb", buffering=0)), CueWriter(form, plan.limits)))
                for form, target, path in planned
            ]
        except OSError as error:
            raise OutputError(f"{printable(str(error.filename))} cannot be written: {error.strerror}") from None
        yield GrowingFiles(files)
