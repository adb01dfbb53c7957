"""A room as readers of one language see it. Pure."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from websockets.frames import Frame, Opcode

from backend.messages.jobs import cursor_position
from backend.messages.rooms.captions import Caption
from gateway.rooms.corrections import is_corrected_by, with_correction, with_renamed_speaker
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
    caption: Caption | None = None

    @classmethod
    def of(cls, caption: Caption, cursor: str | None) -> Self:
        """The frame of a caption."""
        return cls(caption.line, cursor, caption.reader_json(cursor), caption)

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
        if caption.merged_speakers:
            session, merged = caption.session, caption.merged_speakers
            self._change_kept(lambda kept: with_renamed_speaker(kept, session, merged))
        shown = self._correct(caption) if caption.is_correction else self._choose(caption)
        if shown is None:
            return None
        frame = CaptionFrame.of(shown, cursor)
        if cursor:
            self._kept.append(frame)
        return frame

    def after(self, cursor: str) -> list[CaptionFrame]:
        """The final captions after a position in the log."""
        position = cursor_position(cursor)
        return [frame for frame in self._kept if frame.cursor and cursor_position(frame.cursor) > position]

    def last_lines(self, count: int) -> list[CaptionFrame]:
        """The final captions of the last lines. Corrections are left out, because they have changed what is kept."""
        kept = [frame for frame in self._kept if frame.caption and not frame.caption.is_correction]
        lines = list(dict.fromkeys(frame.line for frame in reversed(kept)))[:count]
        return [frame for frame in kept if frame.line in lines]

    def _change_kept(self, change: Callable[[Caption], Caption], line: str | None = None) -> None:
        """Change captions for readers who arrive late, and those that await a translation; or only those of a line."""
        for awaited, caption in self._awaited.items():
            if line in (None, awaited):
                self._awaited[awaited] = change(caption)
        frames = [_changed(frame, change) if line in (None, frame.line) else frame for frame in self._kept]
        self._kept.clear()
        self._kept.extend(frames)

    def _correct(self, correction: Caption) -> Caption | None:
        """The correction, if readers see the text that it replaces. A removed line is removed in every language."""
        own = (frame.caption for frame in reversed(self._kept) if frame.caption and frame.line == correction.line)
        shown = next((caption for caption in own if not caption.is_correction), None)
        self._change_kept(lambda kept: with_correction(kept, correction), correction.line)
        if not correction.text:
            self._awaited.pop(correction.line, None)
            return correction
        return correction if shown and is_corrected_by(shown, correction) else None

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
        copied = spoken.model_dump(include={"speaker", "start_ms", "end_ms", "merged_speakers"})
        return caption.model_copy(update=copied)


def _changed(frame: CaptionFrame, change: Callable[[Caption], Caption]) -> CaptionFrame:
    changed = change(frame.caption) if frame.caption else None
    return CaptionFrame.of(changed, frame.cursor) if changed and changed is not frame.caption else frame


def replay(view: LanguageView, captions: Iterable[tuple[str, Caption]]) -> LanguageView:
    """The view after the captions of a log, each with its cursor."""
    for cursor, caption in captions:
        view.apply(caption, cursor)
    return view
