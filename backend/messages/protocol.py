"""Messages of the WebSocket `/v1/stream`: one class for each `type`.

Text frames are these messages as JSON. Binary frames are audio in the format of `start`. Times are milliseconds from
the first sample. Unknown fields are ignored. An unknown type causes an `error` that is not fatal.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from backend.errors import ProtocolError
from backend.messages.channels import (
    CURSOR_PATTERN,
    MAX_CHANNELS,
    ChannelEvent,
    ChannelReady,
    ChannelResume,
    ChannelStart,
)
from backend.messages.channels import Done as Done
from backend.messages.channels import Draining as Draining
from backend.messages.channels import Keepalive as Keepalive
from backend.messages.channels import Stop as Stop
from backend.messages.decoding import DecodedToken as DecodedToken
from backend.messages.decoding import Decoding as Decoding
from backend.messages.decoding import Word as Word
from backend.messages.options import (
    MAX_FORMATTING,
    MAX_HOTWORDS,
    MAX_PLAYING,
    MAX_PROMPT,
    MAX_SPEAKERS,
    Denoise,
    Formatting,
    Priority,
    Task,
)
from backend.messages.options import MAX_LANGUAGES as MAX_LANGUAGES
from backend.messages.options import MAX_POSITION as MAX_POSITION
from backend.messages.options import MAX_SAMPLE_RATE as MAX_SAMPLE_RATE
from backend.messages.options import MIN_SAMPLE_RATE as MIN_SAMPLE_RATE
from backend.messages.options import AudioFormat as AudioFormat
from backend.messages.options import Message as Message
from backend.messages.rooms.captions import ROOM_OR_NONE_PATTERN
from backend.messages.turns import Clear as Clear
from backend.messages.turns import EarlyFinal as EarlyFinal
from backend.messages.turns import EarlyFinalWithdrawn as EarlyFinalWithdrawn
from backend.messages.turns import Finalize as Finalize
from backend.messages.turns import Interrupt as Interrupt
from backend.messages.turns import SpeakerSegment as SpeakerSegment
from backend.messages.turns import SpeakersMerged as SpeakersMerged
from backend.messages.turns import SpeechEnded as SpeechEnded
from backend.messages.turns import SpeechStarted as SpeechStarted
from backend.messages.turns import TurnEnd as TurnEnd
from backend.messages.validation import describe_first_problem
from backend.messages.voices.events import EnrolmentSample as EnrolmentSample
from backend.messages.voices.events import SpeakerEnrolled as SpeakerEnrolled
from backend.messages.voices.events import SpeechIgnored as SpeechIgnored
from backend.messages.voices.start import Enrolment as Enrolment


class Start(ChannelStart):
    """Opens a session. `start` or `resume` is the first message on every connection."""

    type: Literal["start"] = "start"
    audio: AudioFormat = AudioFormat()
    audio_from_ms: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Position of the first sample. Above 0 if this session continues one that the server has lost."""
    utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Last utterance of the lost session that the client has a final for. Numbers continue after it."""
    correlation_id: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9._:-]*$")
    """Id of the session in all log lines. If empty, the server creates one."""
    priority: Priority = "live"
    """"recording": the audio is a file. Its finals are computed after those of live speech, and it has no partials."""
    room: str | None = Field(default=None, pattern=ROOM_OR_NONE_PATTERN)
    """Publishes the session in this room: others can read it. 1 to 48 lower-case letters, digits and hyphens."""


class Resume(Message):
    """Continues a session on any gateway, with the same options and audio format.

    `ready` answers with the position from which to send audio again. The events that the client missed follow. A
    container starts again from its header. A wrong token or an expired session causes the error `unknown_session`.
    """

    type: Literal["resume"] = "resume"
    session: str = Field(max_length=64)
    token: str = Field(max_length=128)
    """`resume_token` of `ready`."""
    cursor: str = Field(default="0-0", pattern=CURSOR_PATTERN)
    """Cursor of the last durable event that the client has."""
    audio_from_ms: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Position of the oldest audio that the client can send again."""
    utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Last utterance that the client has a final or an error for."""
    open_utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Utterance of the last `partial`. The words in `committed` stay committed."""
    committed: str = Field(default="", max_length=10_000)
    channels: tuple[ChannelResume, ...] = Field(default=(), max_length=MAX_CHANNELS)
    """With `multichannel`: the state of each channel, in order, in place of the fields after `token`."""


class Configure(Message):
    """Changes options immediately, also for the utterance in progress. Missing fields keep their value."""

    type: Literal["configure"] = "configure"
    language: str | None = None
    languages: tuple[str, ...] | None = Field(default=None, max_length=MAX_LANGUAGES)
    task: Task | None = None
    translate_to: tuple[str, ...] | None = None
    partials: bool | None = None
    words: bool | None = None
    decoding: bool | None = None
    partial_words: bool | None = None
    early_final_ms: int | None = Field(default=None, ge=0, le=5_000)
    endpoint_ms: int | None = Field(default=None, ge=200, le=5_000)
    clause_ms: int | None = Field(default=None, ge=0, le=25_000)
    turn_threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    turn_max_ms: int | None = Field(default=None, ge=200, le=10_000)
    responding: bool | None = None
    playing: str | None = Field(default=None, max_length=MAX_PLAYING)
    interrupt_ms: int | None = Field(default=None, ge=200, le=2_000)
    endpointing: bool | None = None
    speakers: bool | None = None
    max_speakers: int | None = Field(default=None, ge=1, le=MAX_SPEAKERS)
    denoise: Denoise | None = None
    mode: Literal["dictation", "captions"] | None = None
    finals: Literal["revise", "stable"] | None = None
    prompt: str | None = Field(default=None, max_length=MAX_PROMPT)
    hotwords: str | None = Field(default=None, max_length=MAX_HOTWORDS)
    formatting: tuple[Formatting, ...] | None = Field(default=None, max_length=MAX_FORMATTING)
    room: str | None = Field(default=None, pattern=ROOM_OR_NONE_PATTERN)
    """Publishes the session in this room from now on, instead of another one. "": in none."""

    def applied_to(self, start: Start) -> Start:
        """Return `start` with the options of this message."""
        changes = self.model_dump(exclude={"type"}, exclude_none=True)
        return start.model_copy(update=changes | ({"room": self.room or None} if "room" in changes else {}))


ClientMessage = Annotated[Start | Resume | Configure | Finalize | Clear | Keepalive | Stop, Field(discriminator="type")]


class Ready(Message):
    """The session is open. The client can send audio."""

    type: Literal["ready"] = "ready"
    session: str
    resume_token: str = ""
    """Secret that allows a client to resume the session. It does not change."""
    audio_from_ms: int = 0
    """Position from which the server expects audio. Audio before it is stored."""
    cursor: str = "0-0"
    """Position in the session log. Each durable event contains the next one."""
    correlation_id: str = ""
    """Id of the session in the log lines of all services. Include it in bug reports."""
    channels: tuple[ChannelReady, ...] | None = None
    """With `multichannel`: the state of each channel, in order."""


class Partial(ChannelEvent):
    """Text of the utterance in progress. `committed` does not change while the utterance lasts, `tentative` may."""

    type: Literal["partial"] = "partial"
    utterance: int
    revision: int
    """Increases with each partial of the utterance."""
    committed: str
    tentative: str
    language: str
    start_ms: int
    end_ms: int
    """End of the audio that this partial is based on."""
    words: tuple[Word, ...] | None = None
    """The words of `committed` and `tentative` together, if `partial_words` is set."""


class Final(ChannelEvent):
    """Definitive text of an utterance. Each utterance has exactly one `final`, or one `error` that names it."""

    type: Literal["final"] = "final"
    utterance: int
    text: str
    """Empty if the utterance has no words. Remove the text that was shown for it."""
    language: str
    language_probability: float | None = None
    """Probability of the detected language, 0 to 1. None if `start` names the language, or it is unknown."""
    confidence: float
    """Mean token probability, 0 to 1."""
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] | None = None
    decoding: Decoding | None = None
    """Only if the client asks for it with `decoding`, and there is text."""
    translate_to: tuple[str, ...] = ()
    """Languages of the final translations that follow. For each, a `notice` or an `error` can take its place."""
    speaker: str | None = None
    """With `speakers`: the label of the speaker. If there are several, that of the longest part."""
    speaker_similarity: float | None = None
    """Cosine similarity of the voice to earlier speech of this speaker, -1 to 1. None: there is none."""
    speaker_segments: tuple[SpeakerSegment, ...] | None = None
    """The parts of the text, in order, if several speakers say it."""
    late: bool = False
    """Whether it follows an `error` for the same utterance, because an operator replayed the job."""
    cursor: str = ""


class Translation(ChannelEvent):
    """Translation of an utterance, or of its committed part."""

    type: Literal["translation"] = "translation"
    utterance: int
    language: str
    """Language code as in `translate_to`."""
    text: str
    is_final: bool
    cursor: str = ""
    """Final translations only."""


class Notice(ChannelEvent):
    """Information for the user. The session continues."""

    type: Literal["notice"] = "notice"
    code: str
    message: str
    utterance: int | None = None
    language: str | None = None
    """Target language that the notice is about, as in `translate_to`."""


class Error(ChannelEvent):
    """An error. After a fatal error the server closes the connection."""

    type: Literal["error"] = "error"
    code: str
    message: str
    utterance: int | None = None
    """Utterance that has no final or no translation because of the error."""
    language: str | None = None
    """Target language that the error is about, as in `translate_to`."""
    fatal: bool = False
    retry_after_s: float | None = None
    """Seconds to wait before the next attempt, with close code 1013."""
    cursor: str = ""
    """Durable errors only."""


ServerMessage = Annotated[
    Ready
    | SpeechStarted
    | Partial
    | EarlyFinal
    | EarlyFinalWithdrawn
    | Final
    | Translation
    | SpeechEnded
    | TurnEnd
    | Interrupt
    | SpeakersMerged
    | EnrolmentSample
    | SpeakerEnrolled
    | SpeechIgnored
    | Notice
    | Error
    | Draining
    | Done,
    Field(discriminator="type"),
]

_client, _server = TypeAdapter[ClientMessage](ClientMessage), TypeAdapter[ServerMessage](ServerMessage)
_CLIENT_TYPES = frozenset({"start", "resume", "configure", "finalize", "clear", "keepalive", "stop"})


def parse_client(text: str) -> ClientMessage:
    """Parse one text frame. Raises ProtocolError (not fatal): `invalid_json`, `invalid_message`, `unknown_type`."""
    try:
        raw: Any = from_json(text)
    except ValueError as error:
        raise ProtocolError(f"invalid JSON: {error}", code="invalid_json", close_code=1007, fatal=False) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise ProtocolError('a message must be a JSON object with a string "type"', code="invalid_message", fatal=False)
    if raw["type"] not in _CLIENT_TYPES:
        raise ProtocolError(f"unknown message type {raw['type'][:40]!r}", code="unknown_type", fatal=False)
    try:
        return _client.validate_python(raw)
    except ValidationError as error:
        message = f"{raw['type']}: {describe_first_problem(error)}"
        raise ProtocolError(message, code="invalid_message", fatal=False) from None


def parse_server(text: str | bytes) -> ServerMessage:
    """Parse one event of a server. Raises pydantic's ValidationError."""
    return _server.validate_json(text)


def to_json(message: Message) -> str:
    """Encode a message as a text frame, without null fields."""
    return message.model_dump_json(exclude_none=True)
