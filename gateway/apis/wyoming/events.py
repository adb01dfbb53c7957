"""The events of Wyoming on the wire: a line of JSON, more JSON, and a payload. Pure.

https://github.com/OHF-Voice/wyoming. The wire format and the fields are those of release 1.10.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import from_json

from backend.errors import ProtocolError
from backend.messages.options import MAX_TEXT_FRAME, Message

VERSION = "1.10.2"
# Bytes of the line, and of the data that follow it. Longer JSON would occupy the event loop.
MAX_LINE_BYTES = MAX_DATA_BYTES = MAX_TEXT_FRAME

M = TypeVar("M", bound=Message)


class EventHeader(Message):
    """The line. Its lengths say how many bytes follow."""

    type: str = Field(max_length=64)
    data: dict[str, Any] | None = None
    data_length: int | None = Field(default=None, ge=0)
    payload_length: int | None = Field(default=None, ge=0)


class AudioChunkFormat(Message):
    """The fields of `audio-start` and `audio-chunk`."""

    rate: int
    """Hz."""
    width: int
    """Bytes of a sample."""
    channels: int


class TranscribeRequest(Message):
    """The fields of `transcribe` that have an effect."""

    name: str | None = None
    """Name of the model."""
    language: str | None = None
    transcript_names: tuple[str, ...] | None = None
    transcript_terms: tuple[str, ...] | None = None


class PingRequest(Message):
    """The fields of `ping`."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class WyomingEvent:
    """A received event."""

    kind: str
    data: Mapping[str, Any]
    payload: bytes

    def read(self, fields: type[M]) -> M:
        """The data as a model. Raises ProtocolError."""
        return _validated(fields, self.data, self.kind)


def body_bytes(line: bytes, max_payload_bytes: int) -> int:
    """The number of bytes that follow the line of an event. Raises ProtocolError."""
    header = _parse_header(line)
    data, payload = header.data_length or 0, header.payload_length or 0
    if len(line) > MAX_LINE_BYTES or data > MAX_DATA_BYTES or payload > max_payload_bytes:
        limits = f"{MAX_LINE_BYTES} bytes of JSON and {max_payload_bytes} bytes of payload"
        raise ProtocolError(f"an event may have at most {limits}", code="frame_too_large", close_code=1009)
    return data + payload


def parse_event(frame: bytes) -> WyomingEvent:
    """Parse a whole event: the line and what follows it. Raises ProtocolError."""
    line, _, body = frame.partition(b"\n")
    header = _parse_header(line)
    end = header.data_length or 0
    more = _parse_object(body[:end]) if end else {}
    return WyomingEvent(header.type, {**(header.data or {}), **more}, body[end:])


def to_frame(kind: str, **data: Any) -> str:
    """An event without a payload. Fields that are None are left out."""
    present = {name: value for name, value in data.items() if value is not None}
    if not present:
        return f"{_to_json({'type': kind, 'version': VERSION})}\n"
    body = _to_json(present)
    return f"{_to_json({'type': kind, 'version': VERSION, 'data_length': len(body.encode())})}\n{body}"


def error_frame(text: str, code: str) -> str:
    """The event `error`."""
    return to_frame("error", text=text, code=code)


def _parse_header(line: bytes) -> EventHeader:
    return _validated(EventHeader, _parse_object(line), "the line")


def _parse_object(data: bytes) -> dict[str, Any]:
    try:
        parsed = from_json(data)
    except ValueError:
        raise ProtocolError("an event must be a line of JSON", code="invalid_json", close_code=1007) from None
    if not isinstance(parsed, dict):
        raise ProtocolError("an event must be a JSON object", code="invalid_message")
    return parsed


def _validated(model: type[M], data: Mapping[str, Any], name: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        field = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise ProtocolError(f"{name}: {field} is missing or invalid", code="invalid_message") from None


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
