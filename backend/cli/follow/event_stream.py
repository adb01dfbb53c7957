"""Parses server-sent events. Pure.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from dataclasses import dataclass

from backend.errors import NovaError

# A final of 25 s with its times has a few thousand.
MAX_EVENT_BYTES = 1 << 20
# "\r" at the end may be the first half of "\r\n".
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


class EventTooLongError(NovaError):
    """An event stream has an event of more than MAX_EVENT_BYTES."""

    code = "event_too_long"


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event. `id`: the last id so far."""

    name: str
    data: str
    id: str


class EventStreamParser:
    """The state of one event stream."""

    def __init__(self) -> None:
        self._rest, self._size = b"", 0
        self._name, self._id, self._data = "", "", list[str]()

    def feed(self, received: bytes) -> list[StreamEvent]:
        """The events that these bytes complete. Raises EventTooLongError."""
        *lines, self._rest = _LINE_END.split(self._rest + received)
        events = [event for line in lines if (event := self._apply_line(line))]
        if len(self._rest) + self._size > MAX_EVENT_BYTES:
            raise EventTooLongError(f"the server sends an event of more than {MAX_EVENT_BYTES} bytes")
        return events

    def _apply_line(self, line: bytes) -> StreamEvent | None:
        if not line:
            return self._complete()
        self._size += len(line)
        name, _, value = line.decode(errors="replace").partition(":")
        self._apply_field(name, value.removeprefix(" "))
        return None

    def _apply_field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value

    def _complete(self) -> StreamEvent | None:
        event = StreamEvent(self._name or "message", "\n".join(self._data), self._id) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event
