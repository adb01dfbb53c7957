"""Messages of a connection: its channels, if each is recognized separately, and its end. Pure."""

from typing import Literal

from pydantic import Field

from backend.messages.options import MAX_POSITION, Message
from backend.messages.voices.start import VoiceStart

# Channels of a session. Each is a session of its own for quotas, admission and the workers.
MAX_CHANNELS = 8

CURSOR_PATTERN = r"^[0-9]{1,19}-[0-9]{1,19}$"


class ChannelEvent(Message):
    """The base of events that are about one channel."""

    channel: int | None = None
    """With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1."""


class ChannelPosition(Message):
    """Where one channel of a session begins that continues a lost one."""

    audio_from_ms: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Position of the first sample that is to be recognized."""
    utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    """Last utterance of the channel that the client has a final for."""


class ChannelResume(ChannelPosition):
    """The state of one channel as its client knows it. The fields mean the same as in `resume`."""

    cursor: str = Field(default="0-0", pattern=CURSOR_PATTERN)
    open_utterance: int = Field(default=0, ge=0, le=MAX_POSITION)
    committed: str = Field(default="", max_length=10_000)


class ChannelReady(Message):
    """The state of one channel as the server knows it. The fields mean the same as in `ready`."""

    audio_from_ms: int = 0
    cursor: str = "0-0"


class ChannelStart(VoiceStart):
    """The fields of `start` about channels."""

    multichannel: bool = False
    """Whether each channel of `audio` is recognized on its own. All its events then have `channel`."""
    channel_order: Literal["arrival", "time"] = "arrival"
    """With `multichannel`: whether finals are sent as they arrive, or over all channels by `start_ms`."""
    positions: tuple[ChannelPosition, ...] = Field(default=(), max_length=MAX_CHANNELS)
    """With `multichannel`: `audio_from_ms` and `utterance` of each channel, in place of these fields."""


class Keepalive(Message):
    """Keeps the connection open while the client sends no audio."""

    type: Literal["keepalive"] = "keepalive"


class Stop(Message):
    """Ends the audio. Pending finals and translations follow, then `done`."""

    type: Literal["stop"] = "stop"


class Draining(Message):
    """This gateway is shutting down. Connect again and `resume`. Pending results are still delivered here."""

    type: Literal["draining"] = "draining"
    within_s: float
    """Seconds until the server closes the connection with 1012."""


class Done(Message):
    """All results have been sent. The server closes the connection with 1000."""

    type: Literal["done"] = "done"
