"""Asterisk's External Application Protocol: `SpeechCreate()` and `SpeechBackground()` of dialplans. Pure.

Audio arrives only while the dialplan waits for speech. Each utterance ends this wait. Asterisk waits for a response for
one second, and closes the connection at the end of the call.
"""

from collections.abc import Mapping, Sequence

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Configure, Error, Final, Message, Partial, Ready, Start, Stop
from gateway.apis.aeap.messages import AeapMessage, error_response, response_frame, result, results_frame
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, call_reply
from gateway.calls.parameters import CallParameters
from gateway.calls.pauses import silence
from gateway.connection.codec import Decoded, DeferredReply, DirectReply, check_text
from gateway.protocols import ProtocolName

SPEAKER = "inbound"
# Native encoding, by the name of Asterisk's codec. "slin" has several rates with one name.
ENCODINGS: Mapping[str, str] = {"ulaw": "mulaw", "alaw": "alaw", "slin": "pcm_s16le"}
DEFAULT_RATE = 8_000
_SET = ("language", "translate_to", "hotwords", "prompt")
# What Asterisk sets itself: how many results it expects.
_ACCEPTED = frozenset({"results_type"})


class SpeechEngineCodec:
    """The codec of one connection. `call` is our id of the call, `query` the parameters of the URL."""

    protocol: ProtocolName = "aeap"
    subprotocols: Sequence[str] = ("speech_to_text",)
    refuses_on_socket = True
    replies = True
    # Between two waits for speech, the dialplan does something else.
    pauses = True
    idle_timeout_s: float | None = None
    # In the place of a message that Asterisk does not have: it closes the connection.
    hangup: str | bytes = '{"request":"hangup"}'

    def __init__(self, call: str, query: Mapping[str, str]) -> None:
        self._call, self._query = call, query
        self.parameters: CallParameters | None = None
        # None until the codec is known.
        self.log: CallLog | None = None
        self._start: Start | None = None
        # The request that waits for its response: the session must be open first.
        self._setup: AeapMessage | None = None
        self._settings: dict[str, str] = {}
        # The text of the utterance in progress.
        self._partial = ""
        self._results = 0
        # Whether the session is open, so that the call has events.
        self._is_begun = False
        self._is_stopped = False

    # --- from Asterisk

    def configure(self, frame: str | bytes) -> bool:
        """Take the request `setup`. Raises ProtocolError."""
        if isinstance(frame, bytes):
            raise ProtocolError("audio before setup", code="not_started")
        check_text(frame)
        message = AeapMessage.parse(frame)
        self._setup = message if message.request else None
        if message.request != "setup":
            raise ProtocolError("the first message must be the request setup", code="not_started")
        given = {**self._query, **message.values}
        audio = _audio(message, given.pop("sample_rate", ""))
        self._settings = {"language": given.get("language", "auto"), "codec": message.codecs[0].name}
        self.parameters = CallParameters.parse(given)
        self._start = self.parameters.start(audio)
        ids = {"version": message.version} if message.version else {}
        self.log = CallLog(CallIdentity(self._call, self.protocol, ids, (SPEAKER,), self.parameters.own))
        return True

    def open(self) -> Sequence[Decoded]:
        """Start the session if the route has received `setup`."""
        return self._begin() if self._start else ()

    def _begin(self) -> Sequence[Decoded]:
        assert self.log
        assert self._start
        self._is_begun = True
        return (call_reply(self.log.started()), self._start)

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a frame. Raises ProtocolError."""
        if self.log is None:
            self.configure(frame)
            return self._begin()
        if isinstance(frame, bytes):
            return (frame,) if frame and not self._is_stopped else ()
        check_text(frame)
        message = AeapMessage.parse(frame)
        if message.response:  # Asterisk has taken results
            return ()
        return () if self._is_stopped else self._request(self.log, message)

    def _request(self, log: CallLog, message: AeapMessage) -> Sequence[Decoded]:
        match message.request:
            case "get":
                return (DeferredReply(build=lambda: self._get(message)),)
            case "set" if "dtmf" in message.values:
                keys = [call_reply(log.dtmf(digit, SPEAKER)) for digit in message.values["dtmf"][:64]]
                return (*keys, _reply(response_frame(message)))
            case "set":
                return self._set(message)
            case "hangup":
                self._is_stopped = True
                return (Stop(),)
        return (_reply(error_response(message, "unknown_type", f"unknown request {message.request[:40]!r}")),)

    def _set(self, message: AeapMessage) -> Sequence[Decoded]:
        unknown = [name for name in message.values if name not in (*_SET, *_ACCEPTED)]
        if unknown or not message.values:
            problem = f"{unknown[0][:40]!r} cannot be set" if unknown else "no parameters"
            return (_reply(error_response(message, "invalid_parameter", problem)),)
        given = {name: value for name, value in message.values.items() if name in _SET}
        try:
            change = _change(given)
        except ProtocolError as error:
            return (_reply(error_response(message, error.code, error.message)),)
        self._settings |= given
        return (*((change,) if given else ()), _reply(response_frame(message)))

    def _get(self, message: AeapMessage) -> Sequence[str]:
        """The response with values. With the option `p`, Asterisk asks for results after a timeout."""
        values: dict[str, object] = {}
        for name in message.names:
            if name == "results":
                values[name] = [result(self._partial, 0.0)] if self._partial else []
            elif name in self._settings:
                values[name] = self._settings[name]
        if len(values) < len(set(message.names)) or not values:
            return [error_response(message, "invalid_parameter", "results, codec, and what was set can be read")]
        return [response_frame(message, params=values)]

    # --- to Asterisk

    def encode(self, event: Message) -> Sequence[str]:
        """The events of the call, responses, and results."""
        return [*(self.log.encode(event) if self.log and self._is_begun else ()), *self._encode(event)]

    def _encode(self, event: Message) -> Sequence[str]:
        match event:
            case Ready():
                return self.answer_setup()
            case Partial():
                self._partial = f"{event.committed}{event.tentative}".strip()
            case Final():
                self._partial = ""
                return self._result(event)
            case Error(fatal=True):
                return self.error_frames(event)
        return ()

    def answer_setup(self) -> Sequence[str]:
        """The response to `setup`, once. Asterisk waits for it for one second only."""
        setup, self._setup = self._setup, None
        return [response_frame(setup, codecs=[{"name": setup.codecs[0].name}])] if setup else ()

    def error_frames(self, error: Error) -> Sequence[str]:
        """The response to `setup`. After it, Asterisk expects no errors, and the connection is closed."""
        return [error_response(self._setup, error.code, error.message)] if self._setup else ()

    def _result(self, final: Final) -> Sequence[str]:
        if not final.text:
            return ()
        self._results += 1
        return [results_frame(self._results, final.text, final.confidence)]

    def event_frame(self, event: CallEvent, body: str) -> str:
        """An event of the call, with `events=socket`, for a client that is not Asterisk."""
        return f'{{"event":"call","call":{body}}}'

    def silent_frame(self, duration_ms: int) -> bytes | None:
        """Samples without sound."""
        return silence(self._start.audio, duration_ms) if self._start else None

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """Clients are refused on the WebSocket, by the response to `setup`."""
        return error.model_dump_json(exclude_none=True)


def _audio(setup: AeapMessage, rate: str) -> AudioFormat:
    """The native format. Raises ProtocolError."""
    name = setup.codecs[0].name if setup.codecs else ""
    if name not in ENCODINGS:
        message = f"the codec {name[:40]!r} is not supported: use one of {', '.join(ENCODINGS)}"
        raise ProtocolError(message, code="unsupported_encoding", close_code=1003)
    if rate and not rate.isdecimal():
        raise ProtocolError("sample_rate: a number of Hz", code="invalid_parameter")
    sample_rate = int(rate[:6]) if rate else DEFAULT_RATE
    return AudioFormat.model_validate({"encoding": ENCODINGS[name], "sample_rate": sample_rate})


def _change(given: Mapping[str, str]) -> Configure:
    """The options to change. Raises ProtocolError."""
    options = CallParameters.parse(given).options
    names = {"language": ("language", "languages"), "translate_to": ("translate_to",)}
    changed = [option for name in given for option in names.get(name, (name,))]
    try:
        return Configure.model_validate({name: options[name] for name in changed})
    except ValueError:
        raise ProtocolError(f"{', '.join(given)}: invalid value", code="invalid_parameter") from None


def _reply(frame: str) -> DirectReply:
    return DirectReply(frames=(frame,))
