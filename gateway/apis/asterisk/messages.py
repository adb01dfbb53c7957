"""Control messages of Asterisk's WebSocket channel: lines of text, or JSON in newer versions. Pure.

https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat
from gateway.apis.json_frames import parse_json

# Native encoding and Hz, by the name of Asterisk's format. Signed linear has the byte order of Asterisk's machine:
# little-endian, except on processors that Asterisk hardly runs on.
FORMATS: Mapping[str, tuple[str, int]] = {
    "ulaw": ("mulaw", 8_000),
    "alaw": ("alaw", 8_000),
    "slin": ("pcm_s16le", 8_000),
    "slin12": ("pcm_s16le", 12_000),
    "slin16": ("pcm_s16le", 16_000),
    "slin24": ("pcm_s16le", 24_000),
    "slin32": ("pcm_s16le", 32_000),
    "slin44": ("pcm_s16le", 44_100),
    "slin48": ("pcm_s16le", 48_000),
}
MAX_ID = 256


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """An event of the channel. `is_json` is the form in which the channel also expects commands."""

    name: str
    fields: Mapping[str, str]
    is_json: bool

    @classmethod
    def parse(cls, frame: str) -> "ControlMessage":
        """Parse a text frame. Raises ProtocolError."""
        return _parse_json(frame) if frame.startswith("{") else _parse_line(frame)


def command_frame(command: str, *, as_json: bool) -> str:
    """A command to the channel."""
    return json.dumps({"command": command}) if as_json else command


def channel_audio(name: str) -> AudioFormat:
    """The native format. Raises ProtocolError."""
    if name not in FORMATS:
        message = f"the format {name[:40]!r} is not supported: use one of {', '.join(FORMATS)}"
        raise ProtocolError(message, code="unsupported_encoding", close_code=1003)
    encoding, rate = FORMATS[name]
    return AudioFormat.model_validate({"encoding": encoding, "sample_rate": rate})


def _parse_line(frame: str) -> ControlMessage:
    name, *fields = frame.split(" ")
    if not name.isascii() or not name.replace("_", "").isalpha():
        raise ProtocolError("a control message begins with its name", code="invalid_message")
    pairs = (field.partition(":") for field in fields)
    return ControlMessage(name, {key: value[:MAX_ID] for key, _, value in pairs}, is_json=False)


def _parse_json(frame: str) -> ControlMessage:
    try:
        raw: Any = parse_json(frame)
    except (ValueError, RecursionError):
        raise ProtocolError("a control message that begins with { must be JSON", code="invalid_json") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("event"), str):
        raise ProtocolError('a control message must have a string "event"', code="invalid_message")
    fields = {name: str(value)[:MAX_ID] for name, value in raw.items() if isinstance(value, str | int)}
    return ControlMessage(raw["event"], fields, is_json=True)
