"""FreeSWITCH's mod_audio_fork and mod_audio_stream: metadata, then audio; results as JSON. Pure.

The metadata is optional: then the parameters are in the URL alone, and the first frame is audio. FreeSWITCH ends a call
by closing the connection, or with an empty binary frame (`graceful-shutdown`), after which results may still follow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.messages.protocol import Error, Message, Partial, Start, Stop
from gateway.apis.freeswitch.messages import (
    DEFAULT_RATE,
    EventType,
    call_id,
    event_json,
    parse_metadata,
    parse_text,
    speakers_of,
    stream_audio,
    to_json,
)
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, call_reply
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import silence
from gateway.connection.codec import Decoded, check_text
from gateway.protocols import ProtocolName

_EVENT_TYPES: Mapping[str, EventType] = {
    "call.final": "transcription",
    "call.translation": "transcription",
    "call.error": "error",
}


class AudioForkCodec:
    """The codec of one connection. `call` is our id of the call, `query` the parameters of the URL."""

    protocol: ProtocolName = "freeswitch"
    # The first one can be changed in FreeSWITCH, so others are not refused.
    subprotocols: Sequence[str] = ("audio.drachtio.org", "audio.jambonz.org", "audiostream.drachtio.org")
    refuses_on_socket = True
    replies = True
    pauses = False
    idle_timeout_s: float | None = None
    hangup: str | bytes = b""

    def __init__(self, call: str, query: Mapping[str, str]) -> None:
        self._call, self._query = call, query
        self.parameters: CallParameters | None = None
        # None until the parameters are known.
        self.log: CallLog | None = None
        self._start: Start | None = None
        self._speakers: tuple[str, ...] = ()
        # Audio that came without metadata, before the session.
        self._early = b""
        self._is_begun = self._is_stopped = False

    # --- from FreeSWITCH

    def configure(self, frame: str | bytes) -> bool:
        """Take the metadata, or audio without it. Raises ProtocolError."""
        if isinstance(frame, str):
            check_text(frame)
            self._configure(parse_metadata(frame))
        else:
            self._configure({})
            self._early = frame
        return True

    def _configure(self, metadata: Mapping[str, str]) -> None:
        # Results are what FreeSWITCH waits for, so they return on the connection.
        given = {"events": "socket", **self._query, **metadata}
        self._speakers = speakers_of(given.pop("mix_type", "mono"))
        audio = stream_audio(given.pop("sample_rate", str(DEFAULT_RATE)), len(self._speakers))
        self.parameters = CallParameters.parse(given)
        self._start = self.parameters.start(audio)
        self.log = CallLog(CallIdentity(self._call, self.protocol, call_id(given), self._speakers, self.parameters.own))

    def open(self) -> Sequence[Decoded]:
        """Start the session if the route has received the first frame."""
        return self._begin() if self._start else ()

    def _begin(self) -> Sequence[Decoded]:
        assert self.log
        assert self._start
        self._is_begun = True
        early, self._early = self._early, b""
        return (call_reply(self.log.started()), self._start, *((early,) if early else ()))

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a frame. Raises ProtocolError."""
        if self.log is None:
            self.configure(frame)
            return self._begin()
        if self._is_stopped:
            return ()
        if isinstance(frame, str):
            return self._text(self.log, frame)
        if frame:
            return (frame,)
        self._is_stopped = True
        return (Stop(),)

    def _text(self, log: CallLog, frame: str) -> Sequence[Decoded]:
        """jambonz reports keys that are pressed. Other texts are those that the user of FreeSWITCH sends."""
        check_text(frame)
        message = parse_text(frame, fatal=False)
        digit = message.get("dtmf")
        if message.get("event") != "dtmf" or not isinstance(digit, str):
            return ()
        return (call_reply(log.dtmf(digit[:8], self._speakers[0])),)

    # --- to FreeSWITCH

    def encode(self, event: Message) -> Sequence[str]:
        """The events of the call, partials, and the error that ends it."""
        if self.log and self._is_begun and self.parameters and self.parameters.on_socket:
            return [*self.log.encode(event), *self._extra(event)]
        if isinstance(event, Error) and event.fatal:
            return [*(self.log.encode(event) if self.log and self._is_begun else ()), *self.error_frames(event)]
        return self.log.encode(event) if self.log and self._is_begun else ()

    def _extra(self, event: Message) -> Sequence[str]:
        """Frames that are no events of the call: they have no number, and webhooks do not receive them."""
        match event:
            case Partial():
                return [event_json("transcription", to_json(self._partial(event)))]
            case Error(fatal=False, utterance=None):
                return [_error(event)]
        return ()

    def _partial(self, partial: Partial) -> Mapping[str, Any]:
        times = {"start_ms": partial.start_ms, "end_ms": partial.end_ms}
        text = f"{partial.committed}{partial.tentative}"
        about = {"type": "call.partial", "utterance": partial.utterance, "text": text, "language": partial.language}
        return {**about, **times, "speaker": self._speakers[partial.channel or 0]}

    def error_frames(self, error: Error) -> Sequence[str]:
        """The error as a message of its own."""
        return [_error(error)]

    def event_frame(self, event: CallEvent, body: str) -> str:
        """An event of the call. FreeSWITCH names its own event after the type."""
        kind: EventType = next((one for name, one in _EVENT_TYPES.items() if event.is_of(name)), "json")
        return event_json(kind, body)

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """Samples without sound."""
        if not self._start:
            return None
        # Not an empty frame, which ends a call.
        return silence(self._start.audio, max(duration_ms, 1))

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """Clients are refused on the WebSocket."""
        return _error(error)


def _error(event: Error) -> str:
    return event_json("error", to_json({"code": event.code, "message": event.message, "fatal": event.fatal}))
