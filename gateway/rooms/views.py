"""A room as readers of one language see it. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from websockets.frames import Frame, Opcode

from backend.messages.jobs import cursor_position
from backend.messages.rooms.captions import Caption
from gateway.rooms.languages import SPOKEN, contains_language, written_language

# Lines whose translation is awaited. Bounds the memory when translations do not arrive.
MAX_AWAITED = 64
# Final captions that a view keeps for readers who arrive late.
MAX_KEPT = 1_000


@dataclass(frozen=True)
class CaptionFrame:
    """A caption, encoded once for all its readers. `cursor`: None for speech in progress."""

    line: str
    cursor: str | None
    json: str

    @cached_property
    def server_sent_event(self) -> bytes:
        """The caption as an event of an event stream. Without an id, a browser keeps the last one."""
        identity = f"id: {self.cursor}\n" if self.cursor else ""
        return f"{identity}event: caption\ndata: {self.json}\n\n".encode()

    @cached_property
    def chunk(self) -> bytes:
        """The event as a chunk of an HTTP/1.1 body."""
        return b"%x\r\n%b\r\n" % (len(self.server_sent_event), self.server_sent_event)

    @cached_property
    def websocket_frame(self) -> bytes:
        """The caption as a text frame of a WebSocket server. Only clients mask their frames."""
        return Frame(Opcode.TEXT, self.json.encode()).serialize(mask=False)


class LanguageView:
    """The captions of a room in one language, "" as they are spoken."""

    def __init__(self, language: str = SPOKEN) -> None:
        self._language = written_language(language) if language else SPOKEN
        # Finals whose translation follows, by line.
        self._awaited: OrderedDict[str, Caption] = OrderedDict()
        self._last_lines: deque[str] = deque(maxlen=MAX_AWAITED)
        self._kept: deque[CaptionFrame] = deque(maxlen=MAX_KEPT)

    def apply(self, caption: Caption, cursor: str | None) -> CaptionFrame | None:
        """The frame that readers receive for a caption of the room, or None."""
        shown = self._choose(caption)
        if shown is None:
            return None
        frame = CaptionFrame(shown.line, cursor, shown.reader_json(cursor))
        if cursor:
            self._kept.append(frame)
        return frame

    def after(self, cursor: str) -> list[CaptionFrame]:
        """The final captions after a position in the log."""
        position = cursor_position(cursor)
        return [frame for frame in self._kept if frame.cursor and cursor_position(frame.cursor) > position]

    def last_lines(self, count: int) -> list[CaptionFrame]:
        """The final captions of the last lines."""
        lines = list(dict.fromkeys(frame.line for frame in reversed(self._kept)))[:count]
        return [frame for frame in self._kept if frame.line in lines]

    def _choose(self, caption: Caption) -> Caption | None:
        if self._language == SPOKEN:
            return None if caption.is_translation else caption
        return self._translated(caption) if caption.is_translation else self._spoken(caption)

    def _spoken(self, caption: Caption) -> Caption | None:
        is_own = written_language(caption.language) == self._language
        if not caption.is_final:
            return caption if is_own else None
        self._last_lines.append(caption.line)
        if is_own or not caption.text or not contains_language(caption.translate_to, self._language):
            return caption
        self._awaited[caption.line] = caption
        if len(self._awaited) > MAX_AWAITED:
            self._awaited.popitem(last=False)
        return None

    def _translated(self, caption: Caption) -> Caption | None:
        if caption.language and written_language(caption.language) != self._language:
            return None
        if caption.is_missing:
            return self._awaited.pop(caption.line, None)
        if not caption.is_final:
            return caption if caption.line not in self._last_lines else None
        spoken = self._awaited.pop(caption.line, None)
        if spoken is None:
            return None
        times = {"speaker": spoken.speaker, "start_ms": spoken.start_ms, "end_ms": spoken.end_ms}
        return caption.model_copy(update=times)


def replay(view: LanguageView, captions: Iterable[tuple[str, Caption]]) -> LanguageView:
    """The view after the captions of a log, each with its cursor."""
    for cursor, caption in captions:
        view.apply(caption, cursor)
    return view
