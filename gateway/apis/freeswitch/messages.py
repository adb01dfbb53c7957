"""Text frames of mod_audio_fork and mod_audio_stream: metadata that the caller of the module chooses. Pure.

https://github.com/drachtio/drachtio-freeswitch-modules, https://github.com/amigniter/mod_audio_stream, and the names of
https://docs.jambonz.org/verbs/verbs/listen, which uses the first one.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat
from gateway.apis.json_frames import parse_object

DEFAULT_RATE = 8_000
# What a module mixes: the caller, both speakers in one channel, or each in a channel.
SPEAKERS: Mapping[str, tuple[str, ...]] = {"mono": ("inbound",), "mixed": ("mixed",), "stereo": ("inbound", "outbound")}
_ALIASES = {"sampleRate": "sample_rate", "mixType": "mix_type"}
_IDS = ("call_id", "callSid", "callId", "uuid")

EventType = Literal["transcription", "json", "error"]


def parse_text(frame: str, *, fatal: bool) -> Mapping[str, Any]:
    """The object in a text frame. Raises ProtocolError."""
    return parse_object(frame, "metadata", fatal=fatal)


def parse_metadata(frame: str) -> Mapping[str, str]:
    """The parameters of a call. Values that are neither text nor numbers are ignored. Raises ProtocolError."""
    given = parse_text(frame, fatal=True)
    return {
        _ALIASES.get(name, name): _text_of(value)
        for name, value in given.items()
        if isinstance(value, str | int | float)
    }


def call_id(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """The id of the call in the telephone system, if the metadata contains one."""
    found = [parameters[name] for name in _IDS if parameters.get(name)]
    return {"call_id": found[0][:256]} if found else {}


def speakers_of(mix_type: str) -> tuple[str, ...]:
    """The name of each channel. Raises ProtocolError."""
    if mix_type not in SPEAKERS:
        raise ProtocolError("mix_type: mono, mixed or stereo", code="invalid_parameter")
    return SPEAKERS[mix_type]


def stream_audio(rate: str, channels: int) -> AudioFormat:
    """The native format: signed 16-bit little-endian. Raises ProtocolError."""
    digits = f"{rate[:-1]}000" if rate.endswith("k") else rate
    if not (digits.isdecimal() and digits.isascii() and len(digits) <= 6):
        raise ProtocolError("sample_rate: a number of Hz, or 8k or 16k", code="invalid_parameter")
    return AudioFormat(sample_rate=int(digits), channels=channels)


def event_json(kind: EventType, data: str) -> str:
    """A message that mod_audio_fork passes on as an event of FreeSWITCH, as mod_audio_stream does with any JSON."""
    return f'{{"type":"{kind}","data":{data}}}'


def to_json(body: Mapping[str, Any]) -> str:
    """The data of a message."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _text_of(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
