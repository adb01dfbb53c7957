"""The protocols of telephone systems, of Kyutai's clients and of the streaming-STT module, as `SocketDoor`."""

import base64
import json
from typing import Any

import msgpack
import numpy as np

from tests.testkit.doors import DEEPGRAM_LIVE, NATIVE, OPENAI_REALTIME, Frame, SocketDoor, code_in

# moshi-server's error has no code. The close reason is the native one.
KYUTAI_ERROR = "Error"


def _native_refusal(body: dict[str, Any]) -> str:
    return str(body["code"])


def _kyutai_error(message: dict[str, Any]) -> str:
    return KYUTAI_ERROR if message["type"] == KYUTAI_ERROR else ""


def _packed_audio(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, "<i2") / 32_768
    packed: bytes = msgpack.packb({"type": "Audio", "pcm": samples.tolist()}, use_single_float=True)
    return packed


def unpacked(frame: Frame) -> dict[str, Any]:
    """A message as MessagePack."""
    assert isinstance(frame, bytes)
    message: dict[str, Any] = msgpack.unpackb(frame)
    return message


KYUTAI = SocketDoor(
    "kyutai",
    "/api/asr-streaming",
    (),
    _packed_audio,
    _kyutai_error,
    _kyutai_error,
    parse=unpacked,
    name="kyutai packed",
)
KYUTAI_RAW = SocketDoor("kyutai", "/", (), bytes, _kyutai_error, _kyutai_error, name="kyutai raw")


def media_message(pcm: bytes, track: str = "inbound") -> str:
    """A message of Twilio's with these bytes as its samples."""
    media = {"track": track, "payload": base64.b64encode(pcm).decode()}
    return json.dumps({"event": "media", "media": media})


TWILIO_START = '{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","tracks":["inbound"]}}'
TWILIO = SocketDoor(
    "twilio",
    # Without a webhook, a call needs another place for its events.
    "/v1/twilio?events=socket",
    ('{"event":"connected"}', TWILIO_START),
    media_message,
    code_in("payload", "code", kind="event"),
    _native_refusal,
)


def _line_or_json(frame: Frame) -> dict[str, Any]:
    text = frame if isinstance(frame, str) else frame.decode()
    return json.loads(text) if text.startswith("{") else {"command": text}


# Asterisk's channel knows no errors, only the command that ends the call.
MEDIA_START = "MEDIA_START connection_id:1 channel:WebSocket/nova/0x1 format:slin16 optimal_frame_size:640 ptime:20"
ASTERISK = SocketDoor(
    "asterisk",
    "/v1/asterisk?events=socket",
    (MEDIA_START,),
    bytes,
    lambda message: message["command"] if message.get("command") == "HANGUP" else "",
    _native_refusal,
    parse=_line_or_json,
)

SETUP = '{"request":"setup","id":"1","codecs":[{"name":"slin"}],"params":{"sample_rate":"16000"}}'
AEAP = SocketDoor(
    "aeap",
    "/v1/aeap",
    (SETUP,),
    bytes,
    lambda message: str(message.get("error_msg", "")).partition(":")[0],
    _native_refusal,
)

FREESWITCH = SocketDoor(
    "freeswitch", "/v1/freeswitch", ('{"sample_rate":"16k"}',), bytes, code_in("data", "code"), _native_refusal
)


def _chunk(pcm: bytes) -> str:
    return json.dumps({"type": "chunk", "audio_b64": base64.b64encode(pcm).decode()})


AI_VOICE = SocketDoor(
    "ai_voice",
    "/v1/ai-voice",
    ('{"type":"start"}',),
    _chunk,
    lambda message: str(message["code"]) if message.get("type") == "error" else "",
    _native_refusal,
)

CALL_SOCKETS = (TWILIO, ASTERISK, AEAP, FREESWITCH)
SOCKETS = (NATIVE, OPENAI_REALTIME, DEEPGRAM_LIVE, KYUTAI, KYUTAI_RAW, *CALL_SOCKETS, AI_VOICE)
