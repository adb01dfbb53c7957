"""Asterisk's WebSocket channel: audio in binary frames, control messages in text frames. Pure.

Asterisk connects when its dialplan dials `WebSocket/...`, and ends a call by closing the connection. It expects audio
in return, and plays silence without.
"""

from collections.abc import Mapping, Sequence

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Error, Message, Ready, Stop
from gateway.apis.asterisk.messages import ControlMessage, channel_audio, command_frame
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, call_reply
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import silence
from gateway.connection.codec import Decoded, check_text
from gateway.protocols import ProtocolName

SPEAKER = "inbound"
START, DTMF, HANGUP = "MEDIA_START", "DTMF_END", "HANGUP"
# Events about the audio that a server sends, and answers to its commands.
_IGNORED = frozenset(
    {"MEDIA_XON", "MEDIA_XOFF", "MEDIA_BUFFERING_COMPLETED", "MEDIA_MARK_PROCESSED", "QUEUE_DRAINED", "STATUS", "ERROR"}
)


class WebSocketChannelCodec:
    """The codec of one connection. `call` is our id of the call, `query` the parameters of the URL."""

    protocol: ProtocolName = "asterisk"
    subprotocols: Sequence[str] = ("media",)
    # Asterisk logs the status of a refused handshake, and the dialplan continues.
    refuses_on_socket = False
    replies = False
    pauses = False
    idle_timeout_s: float | None = None
    # In the place of a message that Asterisk does not have: it closes the connection.
    hangup: str | bytes = HANGUP

    def __init__(self, call: str, query: Mapping[str, str]) -> None:
        self._call, self._query = call, query
        self.parameters: CallParameters | None = None
        # None until the format of the audio is known.
        self.log: CallLog | None = None
        self._audio = AudioFormat()
        self._is_json = self._is_stopped = False

    def read_query(self) -> None:
        """Read the parameters of the URL. Raises ProtocolError."""
        self.parameters = CallParameters.parse(self._query)

    def open(self) -> Sequence[Decoded]:
        """Wait for the format."""
        return ()

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a frame. Raises ProtocolError."""
        if isinstance(frame, str):
            check_text(frame)
            return self._control(ControlMessage.parse(frame))
        if self.log is None:
            raise ProtocolError(f"audio before {START}", code="not_started")
        return (frame,) if frame and not self._is_stopped else ()

    def _control(self, message: ControlMessage) -> Sequence[Decoded]:
        if message.name == START:
            return self._start(message)
        if self.log is None:
            raise ProtocolError(f"the first message must be {START}", code="not_started")
        if message.name == DTMF:
            return (call_reply(self.log.dtmf(message.fields.get("digit", "")[:1], SPEAKER)),)
        if message.name == HANGUP:
            return self._stop()
        if message.name in _IGNORED:
            return ()
        raise ProtocolError(f"{message.name[:40]!r} is unknown", code="unknown_type", fatal=False)

    def _start(self, message: ControlMessage) -> Sequence[Decoded]:
        if self.log is not None:
            raise ProtocolError(f"a second {START}", code="invalid_message")
        if self.parameters is None:
            self.read_query()
        assert self.parameters
        self._audio = channel_audio(message.fields.get("format", ""))
        start = self.parameters.start(self._audio)
        self._is_json = message.is_json
        names = {"call_id": "channel_id", "channel": "channel", "connection_id": "connection_id"}
        ids = {ours: message.fields[theirs] for ours, theirs in names.items() if theirs in message.fields}
        self.log = CallLog(CallIdentity(self._call, self.protocol, ids, (SPEAKER,), self.parameters.own))
        return (call_reply(self.log.started()), start)

    def _stop(self) -> Sequence[Decoded]:
        if self._is_stopped:
            return ()
        self._is_stopped = True
        return (Stop(),)

    def encode(self, event: Message) -> Sequence[str]:
        """The events of the call, and the commands that answer and end it."""
        match event:
            # Only now: a call that is refused is not answered, if the dial string has the option `n`.
            case Ready():
                return [command_frame("ANSWER", as_json=self._is_json)]
            case Error(fatal=True):
                return [*self._events(event), *self.error_frames(event)]
        return self._events(event)

    def _events(self, event: Message) -> Sequence[str]:
        return self.log.encode(event) if self.log else ()

    def error_frames(self, error: Error) -> Sequence[str]:
        """The command that ends the call."""
        return [command_frame(HANGUP, as_json=self._is_json)]

    def event_frame(self, event: CallEvent, body: str) -> str:
        """An event of the call, with `events=socket`, for a client that is not Asterisk."""
        return f'{{"event":"call","call":{body}}}'

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """Samples without sound."""
        return silence(self._audio, duration_ms)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """The body of an HTTP response, which Asterisk does not read."""
        return error.model_dump_json(exclude_none=True)
