"""The captions that wait for a moderator, in the order of the log. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from backend.messages.jobs import ChannelMessage
from backend.messages.rooms.captions import Caption
from backend.messages.rooms.moderation import RoomHold
from gateway.rooms.lines.corrections import LoggedCaption, with_correction

# Lines whose translations wait for no longer than the line itself.
MAX_LINES = 256


class HeldCaptions:
    """Captions are delivered in the order of the log, so a reader that resumes by cursor misses none."""

    def __init__(self) -> None:
        self.hold = RoomHold()
        self._waiting: deque[ChannelMessage] = deque()
        # Position of the first final of each line.
        self._began: OrderedDict[str, str] = OrderedDict()
        # Position of the last caption that was delivered.
        self._delivered = "0-0"

    def accept(self, message: ChannelMessage) -> list[ChannelMessage]:
        """Take a caption of the room. Returns what readers get at once: corrections of lines that they have."""
        caption = message.event
        if not isinstance(caption, Caption):
            return []
        if message.cursor is None:  # speech in progress
            return [] if self.hold.hold_ms or self._waiting else [message]
        # A line that is corrected and not known any more is an old one.
        self._note_beginning(caption.line, "0-0" if caption.is_correction else message.cursor)
        at_once = self._correct(caption) if caption.is_correction and self._waiting else []
        self._waiting.append(message)
        return at_once

    def due(self, now_ms: float) -> list[ChannelMessage]:
        """The captions that readers get now."""
        due = []
        while self._waiting and not self._wait_ms(self._waiting[0], now_ms):
            due.append(self._waiting.popleft())
            self._delivered = due[-1].cursor or self._delivered
        return due

    def wait_s(self, now_ms: float) -> float | None:
        """Seconds until the next caption is due; None if none waits."""
        return self._wait_ms(self._waiting[0], now_ms) / 1000 if self._waiting else None

    def _correct(self, correction: Caption) -> list[ChannelMessage]:
        """Change what waits. Readers that have the line get the correction now, and again at its place in the log."""
        self._waiting = deque(_corrected(waiting, correction) for waiting in self._waiting)
        return [ChannelMessage(self._delivered, correction)] if self._delivered != "0-0" else []

    def _note_beginning(self, line: str, cursor: str) -> None:
        self._began.setdefault(line, cursor)
        if len(self._began) > MAX_LINES:
            self._began.popitem(last=False)

    def _wait_ms(self, message: ChannelMessage, now_ms: float) -> float:
        cursor = message.cursor or "0-0"
        line = message.event.line if isinstance(message.event, Caption) else ""
        return self.hold.wait_ms(self._began.get(line, cursor), now_ms)


def shown_captions(log: Iterable[LoggedCaption], hold: RoomHold) -> Sequence[LoggedCaption]:
    """The captions of a log that readers see."""
    held = HeldCaptions()
    held.hold = hold
    for cursor, caption in log:
        held.accept(ChannelMessage(cursor, caption))
    due = held.due(hold.now_ms)
    return [(one.cursor, one.event) for one in due if one.cursor and isinstance(one.event, Caption)]


def _corrected(message: ChannelMessage, correction: Caption) -> ChannelMessage:
    caption = message.event
    return replace(message, event=with_correction(caption, correction)) if isinstance(caption, Caption) else message
