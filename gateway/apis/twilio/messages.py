"""Messages of Twilio Media Streams, with the names that Telnyx has for the same fields. Pure.

https://www.twilio.com/docs/voice/media-streams/websocket-messages. Numbers may be strings.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from backend.errors import ProtocolError
from backend.messages.options import MAX_POSITION, AudioFormat
from backend.messages.validation import describe_first_problem
from gateway.apis.json_frames import parse_object

Identifier = Annotated[str, Field(max_length=256)]
_ENCODINGS: Mapping[str, str] = {"audio/x-mulaw": "mulaw", "pcmu": "mulaw", "audio/x-alaw": "alaw", "pcma": "alaw"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class MediaFormat(_Part):
    """The format of all tracks."""

    encoding: Identifier = "audio/x-mulaw"
    sample_rate: int = Field(default=8_000, validation_alias=AliasChoices("sampleRate", "sample_rate"))
    channels: int = 1


class StreamStart(_Part):
    """The part `start` of the message of that name."""

    call: Identifier = Field(default="", validation_alias=AliasChoices("callSid", "call_control_id", "callId"))
    account: Identifier = Field(default="", validation_alias=AliasChoices("accountSid", "user_id", "accountId"))
    tracks: tuple[Identifier, ...] = Field(default=(), max_length=2)
    media_format: MediaFormat = Field(
        default=MediaFormat(), validation_alias=AliasChoices("mediaFormat", "media_format")
    )
    parameters: dict[str, str] = Field(
        default={}, validation_alias=AliasChoices("customParameters", "custom_parameters")
    )

    @property
    def audio(self) -> AudioFormat:
        """The native format of one track. Raises ProtocolError."""
        given = self.media_format
        encoding = _ENCODINGS.get(given.encoding.lower())
        if encoding is None or given.channels != 1:
            message = f"{given.encoding} with {given.channels} channels: only mono mu-law and A-law are supported"
            raise ProtocolError(message, code="unsupported_encoding", close_code=1003)
        return AudioFormat.model_validate({"encoding": encoding, "sample_rate": given.sample_rate})


class Media(_Part):
    """The part `media` of the message of that name."""

    payload: str
    track: Identifier = ""
    timestamp: int | None = Field(default=None, ge=0, le=MAX_POSITION)

    @property
    def samples(self) -> bytes:
        """The audio. Raises ProtocolError."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except (binascii.Error, ValueError):
            raise ProtocolError("media: the payload is not base64", code="invalid_audio") from None


class Dtmf(_Part):
    """The part `dtmf` of the message of that name."""

    digit: Annotated[str, Field(max_length=8)]
    track: Identifier = ""


class StreamMessage(_Part):
    """One message. Each event has the part of its name, if it has any."""

    event: Identifier
    stream: Identifier = Field(default="", validation_alias=AliasChoices("streamSid", "stream_id", "streamId"))
    start: StreamStart | None = None
    media: Media | None = None
    dtmf: Dtmf | None = None

    @classmethod
    def parse(cls, frame: str) -> "StreamMessage":
        """Parse a text frame. Raises ProtocolError."""
        raw = parse_object(frame)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise ProtocolError(describe_first_problem(error), code="invalid_message") from None
