"""What travels on the WebSocket `/v1/stream`: one class a message, told apart by `type`.

Text frames are these messages as JSON; binary frames are raw audio in the format that `start` named.
All times are milliseconds of the session's audio, counted from its first sample. Unknown fields are ignored, so old
and new versions understand each other; unknown types are answered with an `error` that is not fatal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from backend.errors import ProtocolError

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 48_000
"""Hz. What the gateway resamples from; anything outside is refused with `unsupported_sample_rate`."""
MAX_POSITION = 10**12
"""No session gets so far, in milliseconds or utterances; a hundred times as far the scripts in Redis miscount."""


class Message(BaseModel):
    """Frozen, and deaf to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class AudioFormat(Message):
    """How the binary frames are encoded."""

    encoding: Literal["pcm_s16le", "pcm_f32le", "mulaw", "alaw", "webm", "ogg"] = "pcm_s16le"
    """Raw samples, or a WebM or Ogg container with Opus, as a browser's MediaRecorder sends."""
    sample_rate: int = 16_000
    """Hz, 8,000 to 48,000; containers carry their own."""
    channels: int = 1
    """1 or 2, interleaved; two are mixed to one."""


class Options(Message):
    """What a session may ask for; `start` sets all of it, `configure` any of it in mid-stream."""

    language: str = "auto"
    """The language spoken: a code ("en", "zh", "pt-BR"), or "auto" to detect it."""
    translate_to: tuple[str, ...] = ()
    """Codes of the languages that somebody reads: ISO ("es", "pt-BR") or FLORES ("spa_Latn"). At most 8."""
    partials: bool = True
    """Whether words are shown while they are spoken."""
    words: bool = False
    """Whether finals carry each word's times and confidence."""
    endpoint_ms: int = Field(default=600, ge=200, le=5_000)
    """Silence that ends an utterance."""
    mode: Literal["dictation", "captions"] = "captions"
    """What the words are for; a hint to clients and policies."""
    finals: Literal["revise", "stable"] = "revise"
    """"revise": the best final; "stable": a final that begins with the words committed while speaking."""
    prompt: str = Field(default="", max_length=2_000)
    """Text that sets the style and spelling of what follows."""
    hotwords: str = Field(default="", max_length=1_000)
    """Names and terms to expect, separated by spaces or commas."""


class Start(Options):
    """Opens a session; this or `resume` is the first message on every connection."""

    type: Literal["start"] = "start"
    audio: AudioFormat = AudioFormat()
    audio_from_ms: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Position of the first sample to come. Above 0 when the session stands in for one that the server has lost."""
    utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """The last utterance of the lost session that the client has a final of; counting goes on behind it."""
    correlation_id: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9._:-]*$")
    """The client's name for this session in every log line about it; empty: the server makes one."""


class Resume(Message):
    """Goes on with a session after its connection was lost, on any gateway. Options and audio format stay as they were.

    `ready` answers with the position from which audio is to be sent again; before other events come those that the
    client has missed. A container (webm, ogg) begins anew. A connection that still holds the session is closed: 4001.
    Refused with `unknown_session` when the session has expired or the token is wrong: then `start` anew.
    """

    type: Literal["resume"] = "resume"
    session: str = Field(max_length=64)
    token: str = Field(max_length=128)
    """The `resume_token` of `ready`."""
    cursor: str = Field(default="0-0", pattern=r"^[0-9]{1,19}-[0-9]{1,19}$")
    """That of the last durable event the client has."""
    audio_from_ms: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Position of the oldest audio that the client can send again."""
    utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """The last utterance that the client has a final (or an error) of."""
    open_utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """The utterance of the last `partial`, and the words it had `committed`: they stay so."""
    committed: str = Field(default="", max_length=10_000)


class Configure(Message):
    """Changes any option at once, also for the utterance in progress; a field left out stays as it is."""

    type: Literal["configure"] = "configure"
    language: str | None = None
    translate_to: tuple[str, ...] | None = None
    partials: bool | None = None
    words: bool | None = None
    endpoint_ms: int | None = Field(default=None, ge=200, le=5_000)
    mode: Literal["dictation", "captions"] | None = None
    finals: Literal["revise", "stable"] | None = None
    prompt: str | None = Field(default=None, max_length=2_000)
    hotwords: str | None = Field(default=None, max_length=1_000)

    def applied_to(self, start: Start) -> Start:
        """The same with every option that this message names replaced."""
        return start.model_copy(update=self.model_dump(exclude={"type"}, exclude_none=True))


class Finalize(Message):
    """Ends the utterance in progress now, without waiting for silence."""

    type: Literal["finalize"] = "finalize"


class Keepalive(Message):
    """Says that the client is there although it sends no audio."""

    type: Literal["keepalive"] = "keepalive"


class Stop(Message):
    """No more audio: finals and translations in flight follow, then `done`."""

    type: Literal["stop"] = "stop"


ClientMessage = Annotated[Start | Resume | Configure | Finalize | Keepalive | Stop, Field(discriminator="type")]


class Ready(Message):
    """The session is open: send audio."""

    type: Literal["ready"] = "ready"
    session: str
    resume_token: str = ""
    """Whoever has it may resume the session; the same for as long as the session lives."""
    audio_from_ms: int = 0
    """The position from which the server expects audio; what came before it is safe."""
    cursor: str = "0-0"
    """Place in the session's durable log; every durable event carries the next one."""
    correlation_id: str = ""
    """What every log line about this session carries, in all services: to be told when asking for help."""


class SpeechStarted(Message):
    """Someone began to speak."""

    type: Literal["speech_started"] = "speech_started"
    utterance: int
    """Counts from 1 within the session."""
    start_ms: int


class Partial(Message):
    """The words so far: `committed` stays for as long as the utterance lasts, `tentative` may change."""

    type: Literal["partial"] = "partial"
    utterance: int
    revision: int
    """Grows with each partial of the utterance."""
    committed: str
    tentative: str
    language: str
    start_ms: int
    end_ms: int
    """How far into the session's audio this partial has listened."""


class Word(Message):
    """A word of a final."""

    word: str
    """With the space that stands before it, so that the words joined are the text."""
    start_ms: int
    end_ms: int
    confidence: float
    """Probability, 0 to 1."""


class Final(Message):
    """An utterance's text, for good. Each utterance gets exactly one `final` (or one `error` naming it)."""

    type: Literal["final"] = "final"
    utterance: int
    text: str
    """Empty when the utterance turned out to hold no words: withdraw what was shown for it."""
    language: str
    confidence: float
    """Mean token probability, 0 to 1."""
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] | None = None
    translate_to: tuple[str, ...] = ()
    """Languages in which a final `translation` of this utterance follows (or a `notice` or an `error` in its place)."""
    late: bool = False
    """It comes after an `error` that named the utterance: an operator had it processed again."""
    cursor: str = ""


class Translation(Message):
    """An utterance, or its committed part so far, in another language."""

    type: Literal["translation"] = "translation"
    utterance: int
    language: str
    """The code as the session asked for it."""
    text: str
    is_final: bool
    cursor: str = ""
    """Set on final translations only."""


class SpeechEnded(Message):
    """The utterance is over; its final follows."""

    type: Literal["speech_ended"] = "speech_ended"
    utterance: int
    end_ms: int


class Notice(Message):
    """Something worth knowing that changes nothing: the session goes on."""

    type: Literal["notice"] = "notice"
    code: str
    message: str
    utterance: int | None = None
    language: str | None = None
    """The target language concerned, as the session asked for it."""


class Error(Message):
    """Something failed. After a fatal error the connection is closed."""

    type: Literal["error"] = "error"
    code: str
    message: str
    utterance: int | None = None
    """The utterance that got no final, or no translation, where there is one."""
    fatal: bool = False
    retry_after_s: float | None = None
    """When another attempt makes sense; with close code 1013."""
    cursor: str = ""
    """Set when the event is durable."""


class Draining(Message):
    """This gateway will close: connect to another and `resume`. What is in flight is still delivered here."""

    type: Literal["draining"] = "draining"
    within_s: float
    """Seconds until the connection is closed with 1012."""


class Done(Message):
    """Everything asked for has been sent; the server closes the connection with 1000."""

    type: Literal["done"] = "done"


ServerMessage = Annotated[
    Ready | SpeechStarted | Partial | Final | Translation | SpeechEnded | Notice | Error | Draining | Done,
    Field(discriminator="type"),
]

_client: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
_server: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)
_CLIENT_TYPES = frozenset({"start", "resume", "configure", "finalize", "keepalive", "stop"})


def parse_client(text: str) -> ClientMessage:
    """Read one text frame from a client.

    Raises ProtocolError: `invalid_json` (close 1007), `invalid_message` (1008), or `unknown_type`, which is not fatal.
    """
    try:
        raw: Any = from_json(text)
    except ValueError as error:
        raise ProtocolError(f"not JSON: {error}", code="invalid_json", close_code=1007) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise ProtocolError('a message is a JSON object with a string "type"', code="invalid_message")
    if raw["type"] not in _CLIENT_TYPES:
        raise ProtocolError(f"unknown message type {raw['type'][:40]!r}", code="unknown_type", fatal=False)
    try:
        return _client.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise ProtocolError(f"{raw['type']}: {where}: {first['msg']}", code="invalid_message") from None


def parse_server(text: str | bytes) -> ServerMessage:
    """Read one event from a server. Raises pydantic's ValidationError on anything else."""
    return _server.validate_json(text)


def to_json(message: Message) -> str:
    """The text frame for a message."""
    return message.model_dump_json(exclude_none=True)
