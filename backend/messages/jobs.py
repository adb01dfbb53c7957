"""Jobs in streams, and messages on session channels. A job is self-contained, so any worker can process it.

An entry has two fields: `h`, the header as JSON, and in audio streams `p`, the audio as raw bytes (PCM s16le, 16 kHz,
mono). Results are published on the session's channel and stored in its log (`ChannelMessage`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from backend.errors import EntryError
from backend.messages.options import Denoise, Formatting, Priority, Task
from backend.messages.protocol import (
    Error,
    Final,
    Message,
    Partial,
    ServerMessage,
    SpeechIgnored,
    Translation,
    parse_server,
    to_json,
)
from backend.messages.rooms.captions import CAPTION_PREFIX, Caption
from backend.messages.voices.profiles import TargetVoice, VoiceSample

# Hz, of all audio after the gateway.
SAMPLE_RATE = 16_000
BYTES_PER_SECOND = 2 * SAMPLE_RATE
# Milliseconds of an utterance in which its first words are worth more than other previews. Music may never have any.
OPENING_MS = 5_000

JobKind = Literal["final", "preview"]
# The streams of a group of workers. Finals of recordings have a stream of their own.
StreamKind = Literal["final", "recording", "preview"]
# Fields of a final that are only for the gateway, as they look in JSON.
_RESULT_FIELDS = (b'"languages"', b'"recognized"', b'"voices"', b'"sample"', b'"target_checked"')
_CURSOR = re.compile(rb"[0-9]{1,20}-[0-9]{1,20}")


class Job(Message):
    """Fields that every job has."""

    kind: JobKind
    session: str
    utterance: int
    correlation_id: str
    """The same in all services, from `start` to the last translation."""
    traceparent: str = ""
    """The utterance's trace (W3C Trace Context), "" if it is not traced. Finals only."""
    sent_at: float
    """Unix time in seconds when the entry was written. Workers drop previews that are too old."""
    replayed: bool = False
    """Whether an operator replayed this dead letter. Its result arrives after the `error`, out of order."""
    priority: Priority = "live"
    """"recording": workers process live jobs first. Finals only."""

    @property
    def stream_kind(self) -> StreamKind:
        """The stream that the job belongs to."""
        return "recording" if self.kind == "final" and self.priority == "recording" else self.kind

    @property
    def is_first_preview(self) -> bool:
        """Whether the first words of the utterance are still to be shown."""
        return False


class HypothesisWord(Message):
    """A recognized word that is not committed yet."""

    text: str
    """With the space before it."""
    probability: float
    since: float = 0.0
    """Seconds of the utterance that had been decoded when the word first read like this."""


class DraftWord(Message):
    """A word of the latest preview of an utterance. Times are seconds from the start of the utterance."""

    text: str
    """With the space before it."""
    start: float
    end: float
    probability: float


class AudioJob(Job):
    """One utterance, or its beginning, to recognize."""

    attempt: int = 1
    """Finals only. When speech continues after an early final, the next attempt follows."""
    revision: int = 0
    start_ms: int
    end_ms: int
    language: str | None = None
    """Whisper's code of the language that the session fixed; None: detect it."""
    heard: str | None = None
    """Language of earlier utterances, if `language` is None. The recognizer keeps it unless it is unlikely."""
    languages: Mapping[str, float] = {}
    """Probability of each language by the detections in earlier utterances, if `language` is None."""
    allowed: tuple[str, ...] = ()
    """Whisper's codes of the languages to choose from, if `language` is None. Empty: all."""
    expected: tuple[str, ...] = ()
    """The languages that the session asked for, as it wrote them ("zh-TW"). They decide the script of the text."""
    task: Task = "transcribe"
    """"translate": the recognizer writes English."""
    finals: Literal["revise", "stable"] = "revise"
    words: bool = False
    decoding: bool = False
    partial_words: bool = False
    """Whether partials have words."""
    early_final: bool = False
    """Finals only. Whether the partial of an early final contains the final."""
    judge_turn: bool = False
    """Finals in a pause. Whether to judge if the speaker has finished."""
    describe_voices: bool = False
    """Finals only. Whether to describe the voices, so that the gateway can label the speakers."""
    measure_voice: bool = False
    """Finals only. Whether the utterance is a sample of a voice that the session enrols."""
    target: TargetVoice | None = None
    """The only voice that the session wants text of."""
    denoise: Denoise = "off"
    """Whether to reduce noise before the recognition. "auto": if the audio is noisy."""
    formatting: tuple[Formatting, ...] = ()
    prompt: str = ""
    hotwords: str = ""
    context: str = ""
    """End of the text of the utterances just before, which this utterance continues."""
    context_language: str = ""
    """Whisper's code of the language of `context`. In another language, the recognizer does not use it."""
    committed: str = ""
    """Words of earlier partials that must not change."""
    written: str = ""
    """These words as the client has them, if they are or were formatted. A client that resumes has only these."""
    tentative: str = ""
    """The shown words after them."""
    hypothesis: tuple[HypothesisWord, ...] = ()
    """Words of the last decode after `committed`. Words that this decode confirms can be committed."""
    draft: tuple[DraftWord, ...] = ()
    """All words of the last preview. A long utterance is recognized from its last settled words on."""
    draft_language: str = ""
    """Whisper's code of the language that this preview detected, if `language` is None."""
    draft_language_probability: float = 0.0
    translate_to: tuple[str, ...] = ()
    translated: Mapping[str, str] = {}
    """Previews only: the shown translation by target language. The next one starts with it."""

    @property
    def is_first_preview(self) -> bool:
        """Whether the first words of the utterance are still to be shown."""
        return not (self.committed or self.written or self.tentative) and self.end_ms - self.start_ms <= OPENING_MS


class Transcript(Job):
    """Recognized text to translate."""

    text: str
    language: str
    translate_to: tuple[str, ...]
    translated: Mapping[str, str] = {}


class PartialResult(Partial):
    """A partial as the worker publishes it, with the state that the gateway adds to the next preview."""

    recognized: tuple[str, str] | None = None
    """`committed` and `tentative` before they were formatted, if that has changed them."""
    hypothesis: tuple[HypothesisWord, ...] = ()
    draft: tuple[DraftWord, ...] = ()
    committed_end_ms: int = 0
    """End of the committed words in the session's audio. A long utterance is cut after this position."""
    language_probability: float = 0.0
    spoken_language: str = ""
    """Whisper's code of the language of the audio, if the recognizer wrote the text in another one."""
    early_final: Final | None = None
    """The final that follows if no more speech does, in the result of an early final of a session that wants it."""
    turn_probability: float | None = None
    """Probability that the speaker has finished, in the result of an early final whose worker has judged it."""
    voice: Literal["", "target", "other", "unknown"] = ""
    """With `target` in the job: whose voice the end of the audio is. "unknown": it is too short. "": not compared."""

    def event(self) -> Partial:
        """Return the part that the client receives."""
        return Partial.model_validate(self.model_dump(include=set(Partial.model_fields)))


class DescribedVoice(Message):
    """The voice in a part of an utterance."""

    start_ms: int
    end_ms: int
    text: str
    """Its part of the text of the utterance."""
    embedding: str
    """Base64 of a vector of float16, little endian, whose length is 1. Similar voices have similar directions."""


class FinalResult(Final):
    """A final as the worker commits it, with what the gateway needs to know about its audio."""

    languages: Mapping[str, float] = {}
    """The probabilities of the languages that were detected."""
    recognized: str = ""
    """The text before it was formatted, if that has changed it. The recognition of the next utterance continues it."""
    voices: tuple[DescribedVoice, ...] = ()
    """In the order in which they speak."""
    sample: VoiceSample | None = None
    """The measured voice, if the job asks for it."""
    target_checked: bool = False
    """Whether the voices were compared with the `target` of the job, and other voices have left no text."""
    ignored: tuple[SpeechIgnored, ...] = ()
    """The parts of the utterance without text, because they are not of the target."""

    def event(self) -> Final:
        """Return the part that the client receives."""
        return Final.model_validate(self.model_dump(include=set(Final.model_fields)))


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Another connection has resumed the session. Writes with an older epoch are rejected."""

    epoch: int


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """A message on a channel: an event, with its cursor in the log if it is durable. Rooms have captions only."""

    cursor: str | None
    event: ServerMessage | PartialResult | TakenOver | Caption


def cursor_position(cursor: str) -> tuple[int, int]:
    """A log entry's id as numbers. Redis orders entry ids numerically, not as text."""
    milliseconds, _, count = cursor.partition("-")
    return int(milliseconds), int(count or 0)


def encode_entry(job: AudioJob | Transcript, pcm: bytes | None = None) -> dict[Any, Any]:
    """Return the stream fields of a job, bytes to bytes. The Redis client requires the invariant type."""
    fields = {b"h": job.model_dump_json(exclude_defaults=True).encode()}
    if pcm is not None:
        fields[b"p"] = pcm
    return fields


def decode_audio_job(fields: Mapping[bytes, bytes]) -> tuple[AudioJob, bytes]:
    """Return the job and its audio. Raises EntryError if the entry is invalid."""
    pcm = fields.get(b"p", b"")
    if not pcm or len(pcm) % 2:
        raise EntryError(f"audio of {len(pcm)} bytes is not 16-bit samples")
    try:
        return AudioJob.model_validate_json(fields.get(b"h", b"")), pcm
    except ValidationError as error:
        raise EntryError(f"unreadable audio job: {error.errors(include_url=False)[0]['msg']}") from None


def decode_transcript(fields: Mapping[bytes, bytes]) -> Transcript:
    """Return the transcript of an entry. Raises EntryError if the entry is invalid."""
    try:
        return Transcript.model_validate_json(fields.get(b"h", b""))
    except ValidationError as error:
        raise EntryError(f"unreadable transcript: {error.errors(include_url=False)[0]['msg']}") from None


def encode_channel_message(event: Message, cursor: str | None = None) -> bytes:
    """Encode the cursor or "-", a space, and the event. session.lua writes "! 3" for `TakenOver`."""
    return f"{cursor or '-'} {to_json(event)}".encode()


def decode_channel_message(data: bytes) -> ChannelMessage:
    """Decode a channel message, and set the cursor of durable events. Raises ValueError."""
    cursor_text, _, body = data.partition(b" ")
    if cursor_text == b"!":
        return ChannelMessage(None, TakenOver(int(body)))
    if cursor_text != b"-" and not _CURSOR.fullmatch(cursor_text):
        raise ValueError(f"{cursor_text[:40]!r} is not a cursor")
    cursor = None if cursor_text == b"-" else cursor_text.decode()
    if body.startswith(CAPTION_PREFIX):
        return ChannelMessage(cursor, Caption.model_validate_json(body))
    event: ServerMessage | PartialResult = parse_server(body)
    if isinstance(event, Partial):
        event = PartialResult.model_validate_json(body)
    elif cursor and isinstance(event, Final | Translation | Error):
        if isinstance(event, Final) and any(name in body for name in _RESULT_FIELDS):
            event = FinalResult.model_validate_json(body)
        event = event.model_copy(update={"cursor": cursor})
    return ChannelMessage(cursor, event)
