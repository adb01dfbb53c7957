"""The lines of a room on one clock. Pure.

Each session counts from its own beginning, and a room may have several. The log has the time at which each final was
written, so a line ends at that time and lasts as long as its utterance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from backend.cli.files.subtitles.timing import Cue
from backend.messages.jobs import cursor_position
from backend.messages.rooms.captions import Caption
from gateway.apis.captions.cues import cues_of
from gateway.rooms.lines.corrections import LoggedCaption
from gateway.rooms.lines.views import LanguageView, replay

# Length of a line whose session did not say when it was spoken.
DEFAULT_LENGTH_MS = 3_000


@dataclass(frozen=True, slots=True)
class TimedCaption:
    """A line in one language. Times are Unix times in ms."""

    line: str
    text: str
    language: str
    speaker: str
    start_ms: int
    end_ms: int
    # When its text was written to the log.
    logged_ms: int

    def cues(self, epoch_ms: int) -> list[Cue]:
        """The line as subtitles, with times since `epoch_ms`. They depend on no other line."""
        times = (self.start_ms - epoch_ms, self.end_ms - epoch_ms)
        return [*cues_of(self.text, self.language, self.speaker, *times)]

    def moved_to(self, start_ms: int) -> Self:
        """The line with another beginning and the same length."""
        length_ms = self.end_ms - self.start_ms
        return replace(self, start_ms=start_ms, end_ms=start_ms + length_ms)


def lines_in(language: str, log: Sequence[LoggedCaption]) -> list[TimedCaption]:
    """The lines of a log as readers of a language see them, in order. Removed ones are missing."""
    spoken_at: dict[str, int] = {}
    for cursor, caption in log:
        spoken_at.setdefault(caption.line, cursor_position(cursor)[0])
    lines: dict[str, TimedCaption] = {}
    for frame in replay(LanguageView(language), log).after("0-0"):
        # A correction has changed the captions that the view keeps.
        if (shown := frame.caption) and not shown.is_correction:
            earlier = lines.get(frame.line)
            end_ms = earlier.end_ms if earlier else spoken_at[frame.line]
            lines[frame.line] = _timed(shown, frame.cursor or "", end_ms)
    return [line for line in lines.values() if line.text]


def as_cues(lines: Iterable[TimedCaption], epoch_ms: int) -> list[Cue]:
    """All lines as the cues of a file, with times since `epoch_ms`. None begins before that."""
    moved = (line.moved_to(max(line.start_ms, epoch_ms)) for line in lines if line.end_ms >= epoch_ms)
    return [cue for line in moved for cue in line.cues(epoch_ms)]


def as_text(line: TimedCaption | Caption) -> str:
    """The line as plain text, on one line."""
    return " ".join(f"{line.speaker}: {line.text}".split() if line.speaker else line.text.split()) + "\n"


def _timed(caption: Caption, cursor: str, end_ms: int) -> TimedCaption:
    length_ms = DEFAULT_LENGTH_MS
    if caption.start_ms is not None and caption.end_ms is not None:
        length_ms = max(caption.end_ms - caption.start_ms, 1)
    return TimedCaption(
        caption.line,
        caption.text,
        caption.language,
        caption.speaker or "",
        end_ms - length_ms,
        end_ms,
        cursor_position(cursor)[0],
    )
