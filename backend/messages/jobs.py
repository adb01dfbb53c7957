"""What travels on the lanes: self-contained jobs, so that any worker can take any entry.

An entry has two fields: `h`, the header as JSON, and, on the audio lanes, `p`, the audio as raw bytes
(PCM s16le, 16 kHz, mono). What workers answer goes to the session's channel and log (`ChannelMessage`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from backend.errors import EntryError
from backend.messages.protocol import Error, Final, Message, Partial, ServerMessage, Translation, parse_server, to_json

SAMPLE_RATE = 16_000
"""Hz, of all audio behind the gateway."""
BYTES_PER_SECOND = 2 * SAMPLE_RATE

JobKind = Literal["final", "preview"]
_PLACE = re.compile(rb"[0-9]{1,20}-[0-9]{1,20}")


class Job(Message):
    """What every entry says of itself."""

    kind: JobKind
    session: str
    utterance: int
    correlation_id: str
    """The same from the client's start to the last translation."""
    traceparent: str = ""
    """The utterance's trace, as W3C Trace Context writes it; "" when it is not traced. Finals only."""
    sent_at: float
    """Unix time, seconds: when the entry was written. Late previews are dropped by it."""
    replayed: bool = False
    """A dead letter that an operator sent once more: its result follows the `error`, out of order."""

    @property
    def is_first_preview(self) -> bool:
        """Whether nothing of what it is about has been shown yet."""
        return False


class HypothesisWord(Message):
    """A word that has been heard and not yet committed."""

    text: str
    """With the space that stands before it."""
    probability: float
    since: float = 0.0
    """Seconds of the utterance that were heard when it first read so."""


class AudioJob(Job):
    """One utterance, or its beginning, to be recognized."""

    attempt: int = 1
    """Finals only: an early final that further speech overtook is followed by the next attempt."""
    revision: int = 0
    start_ms: int
    end_ms: int
    language: str | None = None
    """Fixed by the session, as the recognizer spells it; None: detect."""
    heard: str | None = None
    """With `language` None: what earlier utterances were in. Kept until evidence says otherwise."""
    finals: Literal["revise", "stable"] = "revise"
    words: bool = False
    prompt: str = ""
    hotwords: str = ""
    committed: str = ""
    """The words already promised to the reader."""
    tentative: str = ""
    """What is shown behind them."""
    hypothesis: tuple[HypothesisWord, ...] = ()
    """What the last decode heard behind them; words that this decode confirms are committed."""
    translate_to: tuple[str, ...] = ()
    translated: Mapping[str, str] = {}
    """Previews only: the translation shown so far, by target; the next one begins with it."""

    @property
    def is_first_preview(self) -> bool:
        """Whether nothing of what it is about has been shown yet."""
        return not (self.committed or self.hypothesis)


class Transcript(Job):
    """Recognized text to be translated."""

    text: str
    language: str
    translate_to: tuple[str, ...]
    translated: Mapping[str, str] = {}


class PartialResult(Partial):
    """A partial as the worker publishes it: with what the gateway needs for the next preview."""

    hypothesis: tuple[HypothesisWord, ...] = ()
    committed_end_ms: int = 0
    """Where the committed words end in the session's audio: an utterance that grows too long is cut behind it."""
    language_probability: float = 0.0

    def event(self) -> Partial:
        """What the client sees."""
        return Partial.model_validate(self.model_dump(include=set(Partial.model_fields)))


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Another connection has resumed the session; an older epoch has no more say in it."""

    epoch: int


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """What arrives on a session's channel: an event, with its place in the log when it is durable."""

    cursor: str | None
    event: ServerMessage | PartialResult | TakenOver


def encode_entry(job: AudioJob | Transcript, pcm: bytes | None = None) -> dict[Any, Any]:
    """The stream fields of a job: bytes to bytes, in the invariant type that the Redis client asks for."""
    fields = {b"h": job.model_dump_json(exclude_defaults=True).encode()}
    if pcm is not None:
        fields[b"p"] = pcm
    return fields


def decode_audio_job(fields: Mapping[bytes, bytes]) -> tuple[AudioJob, bytes]:
    """The job and its audio. Raises EntryError when the entry can never be read."""
    pcm = fields.get(b"p", b"")
    if not pcm or len(pcm) % 2:
        raise EntryError(f"audio of {len(pcm)} bytes is not 16-bit samples")
    try:
        return AudioJob.model_validate_json(fields.get(b"h", b"")), pcm
    except ValidationError as error:
        raise EntryError(f"unreadable audio job: {error.errors(include_url=False)[0]['msg']}") from None


def decode_transcript(fields: Mapping[bytes, bytes]) -> Transcript:
    """The transcript of an entry. Raises EntryError when it can never be read."""
    try:
        return Transcript.model_validate_json(fields.get(b"h", b""))
    except ValidationError as error:
        raise EntryError(f"unreadable transcript: {error.errors(include_url=False)[0]['msg']}") from None


def encode_channel_message(event: Message, cursor: str | None = None) -> bytes:
    """A channel message: the log's entry id or "-", a space, the event. (commit.lua writes "! 3" for `TakenOver`.)"""
    return f"{cursor or '-'} {to_json(event)}".encode()


def decode_channel_message(data: bytes) -> ChannelMessage:
    """Read a channel message. Durable events get their cursor. Raises ValueError on anything else."""
    place, _, body = data.partition(b" ")
    if place == b"!":
        return ChannelMessage(None, TakenOver(int(body)))
    if place != b"-" and not _PLACE.fullmatch(place):
        raise ValueError(f"{place[:40]!r} is no place in a log")
    cursor = None if place == b"-" else place.decode()
    event: ServerMessage | PartialResult = parse_server(body)
    if isinstance(event, Partial):
        event = PartialResult.model_validate_json(body)
    elif cursor and isinstance(event, Final | Translation | Error):
        event = event.model_copy(update={"cursor": cursor})
    return ChannelMessage(cursor, event)
