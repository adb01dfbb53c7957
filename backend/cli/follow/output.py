"""Shows the lines of a room: text or JSON lines on standard output, subtitle files, and sinks."""

import json
import time

import click

from backend.cli.files.subtitles.units import TimedText, TimedWord
from backend.cli.files.transcript import voice_name
from backend.cli.follow.line_order import LineOrder
from backend.cli.follow.session_times import SessionTimes
from backend.cli.ingest.growing_files import GrowingFiles
from backend.cli.sinks.fan_out import CaptionSinks
from backend.cli.terminal.streams import echo_json
from backend.messages.rooms.captions import Caption
from backend.text.printable import printable


class RoomOutput:
    """The final lines of a room, in order. Positions in files begin at `began_at`, a Unix time."""

    def __init__(self, files: GrowingFiles, sinks: CaptionSinks, began_at: float, *, as_json: bool) -> None:
        self._files, self._sinks, self._began_at, self._as_json = files, sinks, began_at, as_json
        self._order, self._times = LineOrder(), SessionTimes()

    def apply(self, caption: Caption) -> None:
        """Apply a caption. Raises OSError if a file cannot be written."""
        self._times.observe(caption, time.time())
        if caption.is_final:
            for line in self._order.apply(caption, time.monotonic()):
                self._show(line)

    def tick(self) -> float | None:
        """Show lines that have waited for others long enough. Returns the seconds until the next call, or None."""
        for line in self._order.due(time.monotonic()):
            self._show(line)
        return self._order.wait_s(time.monotonic())

    def finish(self) -> None:
        """Show the lines that still wait."""
        for line in self._order.flush():
            self._show(line)

    def _show(self, caption: Caption) -> None:
        utterance = [self._timed(caption)]
        self._files.append(None, utterance)
        self._sinks.append(None, utterance)
        if self._as_json:
            echo_json(json.dumps(caption.model_dump(exclude_defaults=True) | {"type": "caption"}, ensure_ascii=False))
        else:
            name = voice_name(None, caption.speaker)
            click.echo(printable(f"{name}: {caption.text}" if name else caption.text))

    def _timed(self, caption: Caption) -> TimedText:
        start_ms, end_ms = (self._position_ms(at) for at in self._times.spoken(caption, time.time()))
        return TimedText([TimedWord(caption.text, start_ms, end_ms)], caption.language, caption.speaker or "")

    def _position_ms(self, at: float) -> int:
        return max(round((at - self._began_at) * 1000), 0)
