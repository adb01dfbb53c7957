"""Messages of the streaming-STT module. Pure."""

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from backend.errors import ProtocolError
from backend.messages.options import MAX_PLAYING, AudioFormat, Message
from backend.messages.protocol import Configure, Error, Start

State = Literal["listening", "responding"]
# Fields of `start` that the module does not have: options of the native protocol.
OPTIONS = (
    *("language", "languages", "hotwords", "prompt", "formatting"),
    *("partials", "endpoint_ms", "interrupt_ms", "speakers"),
)

# It is repeated in each result. MessagePack has integers of 64 bits.
_SpeakerId = Annotated[str, Field(max_length=128)] | Annotated[int, Field(ge=-(2**63), lt=2**64)]

M = TypeVar("M", bound=Message)


class ModuleStart(Message):
    """`start`. The module's own fields, the format of the audio, and native options."""

    session_id: str | None = Field(default=None, max_length=128)
    sample_rate: int = 16_000
    channels: int = 1
    encoding: str = "pcm_s16le"
    state: State = "listening"
    speaker_id: _SpeakerId | None = None
    playing: str = Field(default="", max_length=MAX_PLAYING)
    options: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> "ModuleStart":
        """Parse the fields of a message. Raises ProtocolError."""
        options = {name: fields[name] for name in OPTIONS if name in fields}
        start = validated(cls, {**fields, "options": options}, "start")
        start.native()
        return start

    @property
    def audio(self) -> dict[str, Any]:
        """The format, as a native one."""
        return {"encoding": self.encoding, "sample_rate": self.sample_rate, "channels": self.channels}

    def native(self) -> Start:
        """The native message. Raises ProtocolError for invalid options."""
        audio = validated(AudioFormat, self.audio, "start")
        return validated(Start, {**self.options, **barge_in(self.state, self.playing), "audio": audio}, "start")

    def changes(self) -> Configure:
        """The options of a client that starts again."""
        return Configure(**self.options, **barge_in(self.state, self.playing))


class StateChange(Message):
    """`state_change`. `playing` is ours: the text of the answer."""

    state: State
    playing: str = Field(default="", max_length=MAX_PLAYING)


def barge_in(state: State, playing: str = "") -> dict[str, Any]:
    """The native options for a state."""
    is_responding = state == "responding"
    return {"responding": is_responding, "playing": playing if is_responding else ""}


def decode_audio(fields: Mapping[str, Any]) -> bytes:
    """The audio of `chunk`. Raises ProtocolError."""
    data = fields.get("audio_b64")
    if not isinstance(data, str | bytes):
        raise ProtocolError("chunk: audio_b64 is required", code="invalid_message", fatal=False)
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("chunk: audio_b64 is not base64", code="invalid_audio", fatal=False) from None


class MessageWriter:
    """Writes the messages to the client of one session as JSON, with what all of them have in common."""

    def __init__(self, session_id: str, speaker_id: str | int | None) -> None:
        self.session_id, self.speaker_id = session_id, speaker_id

    def result(
        self, text: str, sequence: int, state: State, now: float, *, is_final: bool, speaker: str | None = None
    ) -> str:
        """A transcription. `speaker` is who was recognized, for a client that did not say who speaks."""
        named = speaker if self.speaker_id is None else self.speaker_id
        return _frame(
            session_id=self.session_id,
            transcript=text,
            sequence=sequence,
            is_partial=not is_final,
            is_final=is_final,
            timestamp=now,
            speaker_id=named,
            has_voice_activity=bool(text),
            state=state,
        )

    def interrupt(self, now: float) -> str:
        """The user interrupts the answer."""
        return _frame(session_id=self.session_id, type="interrupt", timestamp=now, speaker_id=self.speaker_id)

    def error(self, error: Error, now: float) -> str:
        """An error, in the form of `interrupt`. The module has none."""
        return _frame(
            session_id=self.session_id,
            type="error",
            code=error.code,
            message=error.message,
            retry_after_s=error.retry_after_s,
            timestamp=now,
        )


def _frame(**fields: object) -> str:
    return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)


def validated(model: type[M], fields: Mapping[str, Any], kind: str) -> M:
    """The fields as a model. Raises ProtocolError."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"{kind}: {name}: {first['msg']}"[:300], code="invalid_message", fatal=False) from None
