"""The messages as MessagePack or JSON. Pure.

MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) is what the streaming-STT module uses.
"""

import json
from dataclasses import dataclass
from typing import Any

import msgpack

from backend.errors import ProtocolError
from gateway.apis.json_frames import parse_json
from gateway.connection.codec import check_text

# Entries of a map or an array. Messages have about ten fields, so more would only occupy the event loop.
MAX_ENTRIES = 64


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message, and whether it came as MessagePack."""

    kind: str
    fields: dict[str, Any]
    is_packed: bool


def parse_message(frame: str | bytes) -> ReceivedMessage:
    """Parse a message. Fields without a value are left out. Raises ProtocolError."""
    is_packed = isinstance(frame, bytes) and not frame.lstrip(b" \t\r\n").startswith((b"{", b"["))
    found = _unpack(frame) if isinstance(frame, bytes) and is_packed else _parse_json(frame)
    kind = found.get("type") if isinstance(found, dict) else None
    if not isinstance(kind, str):
        raise ProtocolError('a message must be a map with a string "type"', code="invalid_message", fatal=False)
    fields = {name: value for name, value in found.items() if isinstance(name, str) and value is not None}
    return ReceivedMessage(kind, fields, is_packed)


def is_start(frame: str | bytes) -> bool:
    """Whether a frame is the message `start`."""
    try:
        return parse_message(frame).kind == "start"
    except ProtocolError:
        return False


def pack_json(text: str) -> bytes:
    """A message that was written as JSON, as MessagePack."""
    packed: bytes = msgpack.packb(json.loads(text))
    return packed


def _unpack(frame: bytes) -> Any:
    try:
        return msgpack.unpackb(frame, max_array_len=MAX_ENTRIES, max_map_len=MAX_ENTRIES)
    except (ValueError, RecursionError):  # msgpack's errors are ValueErrors
        raise ProtocolError(
            "a message must be MessagePack or JSON", code="invalid_message", close_code=1007, fatal=False
        ) from None


def _parse_json(frame: str | bytes) -> Any:
    try:
        text = frame.decode() if isinstance(frame, bytes) else frame
        check_text(text)
        return parse_json(text)
    except (ValueError, RecursionError):
        raise ProtocolError("the message is not JSON", code="invalid_json", close_code=1007, fatal=False) from None
