"""The frames that telephone systems send, and those that a gateway answers. Pure.

Asterisk ends a call by closing the connection, after which no result could return. In its place, a simulated call sends
the frame by which the gateway represents a closed connection.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backend.audio.g711 import from_mulaw
from backend.cli.calls.call_audio import PACKET, PACKET_MS, RATE
from backend.cli.calls.doors.door import Frame
from backend.cli.calls.results import CallResult, CallUtterance
from backend.cli.calls.twilio_messages import (
    CONNECTED,
    TRACKS,
    CallCompleted,
    TwilioMessages,
    call_result,
    ended_by_server,
    parse_call_event,
)
from backend.client.connection import DisconnectedError

# Kinds of AudioSocket frames. The last one is only sent to a client that is not Asterisk.
HANGUP, IDENTITY, SLIN8, FAILURE, EVENT = 0x00, 0x01, 0x10, 0xFF, 0x7F


class _OneWay:
    """A telephone system that answers nothing."""

    def reply(self, frame: Frame) -> Sequence[Frame]:
        """No frames."""
        return ()


class TwilioDialect(_OneWay):
    """Twilio Media Streams."""

    max_speakers = len(TRACKS)

    def __init__(self, speakers: int, call_id: str, parameters: Mapping[str, str]) -> None:
        self._messages, self._parameters = TwilioMessages(TRACKS[:speakers], call_id), parameters

    def opening(self) -> Sequence[Frame]:
        """`connected` and `start`."""
        return [CONNECTED, self._messages.start(self._parameters)]

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """A message for each track."""
        return self._messages.media(packet)

    def hang_up(self) -> Sequence[Frame]:
        """`stop`."""
        return [self._messages.stop()]

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """An event, or an error."""
        return parse_call_event(frame)


class AsteriskDialect(_OneWay):
    """Asterisk's WebSocket channel. The parameters are in the URL."""

    max_speakers = 1

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id

    def opening(self) -> Sequence[Frame]:
        """`MEDIA_START`."""
        about = f"connection_id:{self._call_id} channel:WebSocket/nova/0x1 channel_id:{self._call_id}"
        return [f"MEDIA_START {about} format:ulaw optimal_frame_size:{PACKET} ptime:{PACKET_MS}"]

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """The samples."""
        return packet

    def hang_up(self) -> Sequence[Frame]:
        """In the place of the end of the connection."""
        return ["HANGUP"]

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """An event, or a command to the channel."""
        return None if frame in ("ANSWER", "HANGUP") else parse_call_event(frame)


class AeapDialect:
    """Asterisk's speech engine. Each final must also be a result for the dialplan."""

    max_speakers = 1

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters
        # Texts of finals whose result has not arrived.
        self._missing: list[str] = []

    def opening(self) -> Sequence[Frame]:
        """The request `setup`."""
        body = {"version": "0.1.0", "codecs": [{"name": "ulaw"}], "params": dict(self._parameters)}
        return [json.dumps({"request": "setup", "id": "setup", **body})]

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """The samples."""
        return packet

    def hang_up(self) -> Sequence[Frame]:
        """In the place of the end of the connection."""
        return ['{"request":"hangup"}']

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """An event. Raises DisconnectedError if the dialplan did not receive the text of a final."""
        body = _parsed(frame)
        if "error_msg" in body:
            code, _, message = str(body["error_msg"]).partition(": ")
            raise ended_by_server(code, message)
        if body.get("request") == "set":
            self._received([result["text"] for result in body["params"]["results"]])
        if "event" not in body:
            return None
        found = parse_call_event(frame)
        if isinstance(found, CallUtterance):
            self._missing.append(found.text)
        if isinstance(found, CallCompleted) and self._missing:
            raise DisconnectedError(f"{len(self._missing)} results did not arrive")
        return found

    def _received(self, texts: Sequence[str]) -> None:
        # The event of an utterance precedes its result.
        if texts != self._missing[:1]:
            raise DisconnectedError("a result is not that of the utterance before it")
        self._missing.pop(0)

    def reply(self, frame: Frame) -> Sequence[Frame]:
        """The response to results."""
        body = _parsed(frame)
        if "request" not in body:
            return ()
        return [json.dumps({"response": body["request"], "id": body.get("id", "")})]


class FreeSwitchDialect(_OneWay):
    """mod_audio_fork, with a channel for each speaker."""

    max_speakers = len(TRACKS)

    def __init__(self, speakers: int, parameters: Mapping[str, str]) -> None:
        self._mix = "stereo" if speakers > 1 else "mono"
        self._parameters = parameters

    def opening(self) -> Sequence[Frame]:
        """The metadata."""
        return [json.dumps({**self._parameters, "sample_rate": RATE, "mix_type": self._mix})]

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """Signed 16-bit samples, interleaved."""
        return [np.stack([from_mulaw(speaker) for speaker in packet], axis=1).tobytes()]

    def hang_up(self) -> Sequence[Frame]:
        """The empty frame of `graceful-shutdown`."""
        return [b""]

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """The event of a call, or an error without one."""
        data = _parsed(frame).get("data")
        if not isinstance(data, dict):
            raise _foreign()
        if "call" not in data and "code" in data:
            raise ended_by_server(str(data["code"]), str(data.get("message", "")))
        return call_result(data) if "call" in data else None


class AudioSocketDialect(_OneWay):
    """AudioSocket. Its port must have the option `events=socket`: otherwise no result returns."""

    max_speakers = 1

    def __init__(self, call_uuid: bytes) -> None:
        self._uuid = call_uuid

    def opening(self) -> Sequence[Frame]:
        """The UUID of the call."""
        return [audiosocket_frame(IDENTITY, self._uuid)]

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """Signed 16-bit samples."""
        return [audiosocket_frame(SLIN8, from_mulaw(packet[0]).tobytes())]

    def hang_up(self) -> Sequence[Frame]:
        """The end of the call."""
        return [audiosocket_frame(HANGUP)]

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """An event, or an error."""
        data = frame if isinstance(frame, bytes) else frame.encode()
        kind, payload = data[0], data[3:]
        if kind == EVENT:
            return call_result(_parsed(payload))
        if kind == SLIN8:  # silence, because this call pauses
            return None
        if kind == FAILURE:
            raise ended_by_server(payload.decode("utf-8", "replace"), "an error")
        raise DisconnectedError("the port sends no events: set GATEWAY_AUDIOSOCKET_OPTIONS=events=socket")


def audiosocket_frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame on the wire."""
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def _parsed(frame: Frame) -> dict[str, Any]:
    try:
        body = json.loads(frame)
    except ValueError:
        raise _foreign() from None
    if not isinstance(body, dict):
        raise _foreign()
    return body


def _foreign() -> DisconnectedError:
    return DisconnectedError("the server sent a message that is no event of a call")
