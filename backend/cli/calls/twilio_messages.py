"""The messages of a call as Twilio Media Streams sends them, and the events that come back. Pure.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.cli.calls.call_audio import PACKET_MS, RATE
from backend.cli.calls.results import CallProblem, CallResult, CallTranslation, CallUtterance
from backend.client.connection import DisconnectedError, ServerError
from backend.messages.protocol import Error

TRACKS = ("inbound", "outbound")
CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


class TwilioMessages:
    """Writes the messages of one call. `call_id` is the part of its identifiers after "CA", "MZ" and "AC"."""

    def __init__(self, tracks: Sequence[str], call_id: str) -> None:
        self._tracks, self._id = tracks, call_id
        self._sequence = 0
        # Packets of each track so far.
        self._chunks = 0

    def start(self, parameters: Mapping[str, str]) -> str:
        """The message that starts the stream."""
        return self._message(
            "start",
            {
                "accountSid": f"AC{self._id}",
                "streamSid": f"MZ{self._id}",
                "callSid": f"CA{self._id}",
                "tracks": list(self._tracks),
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
                "customParameters": dict(parameters),
            },
        )

    def media(self, packet: Sequence[bytes]) -> list[str]:
        """The messages with the next 20 ms of each track."""
        at_ms, self._chunks = self._chunks * PACKET_MS, self._chunks + 1
        about = {"chunk": str(self._chunks), "timestamp": str(at_ms)}
        return [
            self._message("media", {"track": track, **about, "payload": base64.b64encode(samples).decode()})
            for track, samples in zip(self._tracks, packet, strict=True)
        ]

    def stop(self) -> str:
        """The message that ends the call."""
        return self._message("stop", {"accountSid": f"AC{self._id}", "callSid": f"CA{self._id}"})

    def _message(self, event: str, part: Mapping[str, Any]) -> str:
        self._sequence += 1
        about = {"event": event, "sequenceNumber": str(self._sequence), event: part}
        return json.dumps({**about, "streamSid": f"MZ{self._id}"}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class CallCompleted:
    """The call has ended, and all its results precede this."""


def parse_call_event(frame: str | bytes) -> CallResult | CallCompleted | None:
    """The result in a message of the gateway, or None if it has none.

    Raises ServerError if the gateway refuses or ends the call, and DisconnectedError if the frame is no event.
    """
    try:
        body = json.loads(frame)
        if body["event"] == "error":
            raise ended_by_server(body["payload"]["code"], body["payload"]["detail"])
        return call_result(body["call"]) if body["event"] == "call" else None
    except (ValueError, KeyError, TypeError):
        raise DisconnectedError("the server sent a message that is no event of a call") from None


def call_result(event: Mapping[str, Any]) -> CallResult | CallCompleted | None:
    """The result in an event of a call. Raises ServerError, DisconnectedError, and KeyError if it is no event."""
    match event["type"]:
        case "call.final":
            times = event["start_ms"], event["end_ms"]
            return CallUtterance(_speaker(event), event["utterance"], *times, event["text"], event["language"])
        case "call.translation":
            return CallTranslation(_speaker(event), event["utterance"], event["language"], event["text"])
        case "call.error" if event.get("fatal"):
            raise ended_by_server(event["code"], event["message"])
        case "call.error":
            speaker = _speaker(event) if "speaker" in event else None
            return CallProblem(speaker, event["code"], event["message"])
        case "call.ended" if event["reason"] == "completed":
            return CallCompleted()
        case "call.ended":
            raise DisconnectedError(f"the call ended before its last final: {event['reason']}")
    return None


def _speaker(event: Mapping[str, Any]) -> int:
    return TRACKS.index(event["speaker"])


def ended_by_server(code: str, message: str) -> ServerError:
    """The error of a gateway that refuses or ends a call."""
    return ServerError(Error(code=code, message=f"the server refuses or ends the call: {message} ({code})"))
