"""Twilio Media Streams: the audio of a call, in messages for each track. Pure.

A server has nothing to send but audio, so results go to a webhook. An error is sent before the connection is closed:
Twilio shows it in its debugger.
"""

import json
from collections.abc import Mapping, Sequence

from backend.errors import ProtocolError
from backend.messages.protocol import Error, Message, Start, Stop
from gateway.apis.twilio.messages import Dtmf, Media, StreamMessage, StreamStart
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, call_reply
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import SILENCE
from gateway.calls.tracks import TrackMixer
from gateway.connection.codec import Decoded, check_text
from gateway.protocols import ProtocolName


class MediaStreamCodec:
    """The codec of one connection. `call` is our id of the call, `query` the parameters of the URL."""

    protocol: ProtocolName = "twilio"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = True
    replies = False
    pauses = False
    idle_timeout_s: float | None = None
    # In the place of the message that a lost connection cannot send.
    hangup: str | bytes = '{"event":"stop"}'

    def __init__(self, call: str, query: Mapping[str, str]) -> None:
        self._call, self._query = call, query
        self.parameters: CallParameters | None = None
        # None until the call has started.
        self.log: CallLog | None = None
        self._first: Start | None = None
        self._mixer: TrackMixer | None = None
        self._tracks: tuple[str, ...] = ()
        self._is_begun = self._is_stopped = False

    def open(self) -> Sequence[Decoded]:
        """Start the session if the route has received the message `start`."""
        return self._begin() if self._first else ()

    # --- from the client

    def configure(self, frame: str | bytes) -> bool:
        """Take a message. Return whether it is `start`, after which `parameters` are known. Raises ProtocolError."""
        if isinstance(frame, bytes):
            raise ProtocolError("messages are text frames", code="invalid_message")
        check_text(frame)
        message = StreamMessage.parse(frame)
        if message.event == "connected":
            return False
        if message.event != "start" or message.start is None:
            raise ProtocolError(f"{message.event!r} before start", code="not_started")
        self._configure(message, message.start)
        return True

    def _configure(self, message: StreamMessage, start: StreamStart) -> None:
        parameters = CallParameters.parse({**self._query, **start.parameters})
        self._tracks = tuple(dict.fromkeys(start.tracks)) or parameters.tracks or ("inbound",)
        audio = start.audio
        self._first = parameters.start(audio.model_copy(update={"channels": len(self._tracks)}))
        self._mixer = TrackMixer(self._tracks, audio.sample_rate, SILENCE[audio.encoding])
        ids = {"stream_id": message.stream, "call_id": start.call, "account_id": start.account}
        self.log = CallLog(CallIdentity(self._call, self.protocol, ids, self._tracks, parameters.own))
        self.parameters = parameters

    def _begin(self) -> Sequence[Decoded]:
        assert self._first
        assert self.log
        self._is_begun = True
        # The event comes first, because a session that is refused has no further ones.
        return (call_reply(self.log.started()), self._first)

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a message. Raises ProtocolError."""
        if self.log is None:
            return self._begin() if self.configure(frame) else ()
        if isinstance(frame, bytes):
            raise ProtocolError("messages are text frames", code="invalid_message")
        check_text(frame)
        message = StreamMessage.parse(frame)
        if message.event == "start":
            raise ProtocolError("a second start", code="invalid_message")
        return () if self._is_stopped else self._decode(message)

    def _decode(self, message: StreamMessage) -> Sequence[Decoded]:
        match message:
            case StreamMessage(event="media", media=Media() as media):
                return self._audio(media)
            case StreamMessage(event="dtmf", dtmf=Dtmf() as dtmf):
                assert self.log
                return (call_reply(self.log.dtmf(dtmf.digit, self._track_of(dtmf.track))),)
            case StreamMessage(event="stop"):
                return self._stop()
            case StreamMessage(event="connected" | "mark"):
                return ()
        raise ProtocolError(f"{message.event[:40]!r} is unknown or incomplete", code="unknown_type", fatal=False)

    def _audio(self, media: Media) -> Sequence[Decoded]:
        assert self._mixer
        audio = self._mixer.receive(self._track_of(media.track), media.samples, media.timestamp)
        return (audio,) if audio else ()

    def _track_of(self, name: str) -> str:
        """The track with this name. Without one, a message is about the first track."""
        track = name.removesuffix("_track") or self._tracks[0]
        if track not in self._tracks:
            message = f"unknown track {track[:40]!r}: the tracks of this call are {', '.join(self._tracks)}"
            raise ProtocolError(message, code="unknown_track")
        return track

    def _stop(self) -> Sequence[Decoded]:
        if self._is_stopped or self._mixer is None:
            return ()
        self._is_stopped = True
        rest = self._mixer.flush()
        return (*((rest,) if rest else ()), Stop())

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """The events of the call, and the error that ends it."""
        errors = self.error_frames(event) if isinstance(event, Error) and event.fatal else []
        return [*(self.log.encode(event) if self.log and self._is_begun else ()), *errors]

    def error_frames(self, error: Error) -> Sequence[str]:
        """The error object."""
        return [error_frame(error)]

    def event_frame(self, event: CallEvent, body: str) -> str:
        """An event of the call, with `events=socket`."""
        return f'{{"event":"call","call":{body}}}'

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """None: the timestamps of a track name its gaps."""
        return None

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """The error object."""
        return error_frame(error)


def error_frame(error: Error) -> str:
    """An error in the form in which Telnyx sends its own ones."""
    payload = {"code": error.code, "title": error.code, "detail": error.message}
    return json.dumps({"event": "error", "payload": payload}, ensure_ascii=False)
