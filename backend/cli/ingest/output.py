"""Where captions go: text or JSON lines on standard output, subtitle files, and sinks."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import click

from backend.cli.files.speaker_parts import split_by_speaker
from backend.cli.files.subtitles.units import TimedText, spoken, translated
from backend.cli.files.transcript import voice_name
from backend.cli.ingest.caption_order import CaptionOrder, StreamCaption
from backend.cli.ingest.growing_files import GrowingFiles
from backend.cli.ingest.reader import SourceItem, SourceLost, SourceRestored
from backend.cli.sinks.fan_out import CaptionSinks
from backend.cli.terminal.streams import echo_json
from backend.local.discovery import print_status
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Error, Final, Notice, ServerMessage, SpeakersMerged, Translation
from backend.text.printable import printable

# Notices of the client that are printed each time.
_REPEATED = {"connection_lost", "connection_restored"}
# Fields that are meaningful only in the protocol, and times of words, which are for the cues.
_PROTOCOL_FIELDS = {"cursor", "translate_to", "late", "words"}


class CaptionOutput:
    """Prints and writes captions. `problems` counts the utterances and translations without text."""

    def __init__(self, files: GrowingFiles, *, as_json: bool, sinks: CaptionSinks | None = None) -> None:
        self.problems = 0
        self._files, self._as_json = files, as_json
        self._sinks = sinks or CaptionSinks()
        self._order = CaptionOrder()
        self._notices: set[str] = set()

    def apply_event(self, event: ServerMessage) -> None:
        """Show an event of the session. Raises OSError if a file cannot be written."""
        match event:
            case Final() if event.text:
                self._append(None, _spoken_parts(event))
                self._print_json(event.model_dump(exclude=_PROTOCOL_FIELDS, exclude_none=True))
            case Translation(is_final=True):
                self._print_json(event.model_dump(exclude=_PROTOCOL_FIELDS | {"is_final"}, exclude_none=True))
            case SpeakersMerged():
                self._print_json(event.model_dump(exclude_none=True))
            case Error() | Notice():
                self._report(event)
        self._show(self._order.apply_event(event))

    def apply_item(self, item: SourceItem) -> None:
        """Show that the source was lost or restored."""
        match item:
            case bytes():
                self._sinks.begin(len(item) / BYTES_PER_SECOND)
            case SourceLost():
                self._print_json({"type": "source_lost", "position_ms": _ms(item.position_s), "message": item.reason})
                print_status(f"{_clock(item.position_s)}  {printable(item.reason)}; reconnecting")
            case SourceRestored():
                self._print_json({"type": "source_restored", "position_ms": _ms(item.position_s)})
                print_status(f"{_clock(item.position_s)}  the source is back")

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Send captions to the sinks until everything has been shown."""
        async with self._sinks.running():
            yield
            self.finish()

    def finish(self) -> None:
        """Show the utterances whose translations did not arrive."""
        rest = self._order.flush()
        self.problems += sum(len(caption.missing) for caption in rest)
        self._show(rest)

    def _show(self, captions: list[StreamCaption]) -> None:
        for caption in captions:
            for language, text in caption.translations.items():
                self._append(language, [translated(caption.final, text, language)])
            # Viewers get an utterance without a translation as it was spoken.
            for language in self._sinks.languages - caption.translations.keys():
                self._sinks.append(language, _spoken_parts(caption.final))
            if not self._as_json:
                _print_text(caption)

    def _append(self, language: str | None, utterance: Sequence[TimedText]) -> None:
        self._files.append(language, utterance)
        self._sinks.append(language, utterance)

    def _report(self, event: Error | Notice) -> None:
        """Print an error, and each kind of notice once, to stderr."""
        if isinstance(event, Error) or event.language:
            self.problems += 1
        elif event.code in self._notices - _REPEATED:
            return
        self._notices.add(event.code)
        self._print_json(event.model_dump(include={"type", "code", "message", "utterance", "language"}))
        print_status(printable(f"{event.message} ({event.code})"))

    def _print_json(self, body: dict[str, Any]) -> None:
        if self._as_json:
            echo_json(json.dumps(body, ensure_ascii=False))


def _spoken_parts(final: Final) -> list[TimedText]:
    return [spoken(part) for part in split_by_speaker([final])]


def _print_text(caption: StreamCaption) -> None:
    """The lines of `nova transcribe`: one for each speaker, then the translations."""
    for part in split_by_speaker([caption.final]):
        name = voice_name(None, part.speaker)
        click.echo(printable(f"{name}: {part.text}" if name else part.text))
    for target, text in caption.translations.items():
        click.echo(printable(f"  {target}: {text}"))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(seconds: float) -> str:
    """Format a position, such as "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
