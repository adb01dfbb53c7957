"""A caption as its readers receive it, encoded once. Pure."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from websockets.frames import Frame, Opcode

from backend.messages.rooms.captions import Caption


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
