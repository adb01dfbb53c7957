"""Jobs in streams, and the results that workers write. `RedisJobStreams` implements the interface.

Tests implement it in memory (tests/testkit/streams/memory.py); both pass tests/contract/test_streams.py.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Generic, Literal, Protocol, Self, TypeVar

from backend.messages.jobs import AudioJob, Job, StreamKind, Transcript, decode_audio_job, decode_transcript
from backend.messages.protocol import Error, Message
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard

J = TypeVar("J", bound=Job)

# Answer of commit.lua. "superseded": more speech followed, and a later attempt replaces this one.
CommitResult = Literal["committed", "already_acknowledged", "superseded"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of processing an entry."""

    # Events for the session log, each logged exactly once. A final audio job has exactly one.
    durable: tuple[Message, ...] = ()
    # Events that are published but not stored.
    live: tuple[Message, ...] = ()
    # The text to translate.
    transcript: Transcript | None = None


@dataclass(frozen=True, slots=True)
class Unprocessed:
    """An entry that failed, perhaps because of another one of its batch, and why. It is tried again.

    `by_all`: none of the batch could be processed, so the next batch would probably fail too.
    """

    error: Exception
    by_all: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entry became a dead letter. These fields are added to the fields of the entry."""

    # Error code.
    reason: str
    error: str
    attempts: str
    worker: str
    # Unix time in seconds, by the worker's clock.
    time: str

    @classmethod
    def read(cls, entry: Mapping[bytes, bytes]) -> Self:
        """Read the fields from a dead letter. A missing field is empty."""
        return cls(*(entry.get(name, b"").decode(errors="backslashreplace") for name in FAILURE_FIELDS))

    def pairs(self) -> list[str]:
        """Name, value, name, value, as XADD takes them."""
        return [part for pair in asdict(self).items() for part in pair]


FAILURE_FIELDS = tuple(field.name.encode() for field in fields(Failure))


@dataclass(frozen=True, slots=True)
class Entry(Generic[J]):
    """A decoded job, and its place in a stream."""

    shard: Shard
    id: str
    job: J
    pcm: bytes = b""

    @property
    def traceparent(self) -> str:
        return self.job.traceparent

    @property
    def written_at_s(self) -> float:
        """Unix time when the entry was written, by Redis's clock. A stream id begins with it, in milliseconds."""
        return int(self.id.partition("-")[0]) / 1000

    @property
    def log_fields(self) -> dict[str, object]:
        """Fields of every log line about this entry."""
        job = self.job
        return {
            "entry": self.id,
            "correlation_id": job.correlation_id,
            "session": job.session,
            "utterance": job.utterance,
        }

    def durations(self, taken_at_s: float, done_at_s: float) -> dict[str, int]:
        """Milliseconds that the entry waited in its stream, and that its batch took. Arguments are Unix times."""
        waited_s = max(0.0, taken_at_s - self.written_at_s)
        return {"waited_ms": round(1000 * waited_s), "duration_ms": round(1000 * (done_at_s - taken_at_s))}


class JobStreams(Protocol):
    """The streams of all shards, without the reading side (worker/source.py)."""

    @property
    def shards(self) -> Sequence[Shard]: ...

    def shard(self, session: str) -> Shard:
        """The shard of a session."""

    async def submit_preview(self, job: AudioJob, pcm: bytes) -> None: ...

    async def commit_final(self, entry: Entry[AudioJob], outcome: Outcome) -> CommitResult:
        """Acknowledge an audio job and store its result, atomically."""

    async def commit_translations(self, entry: Entry[Transcript], outcome: Outcome) -> CommitResult:
        """Acknowledge a transcript and log its translations, atomically."""

    async def dead_letter(
        self, shard: Shard, group: str, entry_id: str, job: Job | None, failure: Failure, kind: StreamKind = "final"
    ) -> CommitResult:
        """Move an entry of a stream to the dead letters and log an `error` for its utterance.

        `job` is None if it is unreadable.
        """

    async def publish_previews(
        self, session: str, events: Sequence[Message], transcript: Transcript | None = None
    ) -> None:
        """Publish events without storing them, and submit a transcript for a preview translation."""


@dataclass(frozen=True, slots=True)
class JobStream(Generic[J]):
    """The jobs of one kind of worker: how they are decoded, and how their results are committed."""

    group: str
    decode: Callable[[Mapping[bytes, bytes]], tuple[J, bytes]]
    commit: Callable[[JobStreams, Entry[J], Outcome], Awaitable[CommitResult]]


AUDIO = JobStream(STT_GROUP, decode_audio_job, lambda streams, entry, outcome: streams.commit_final(entry, outcome))
TRANSCRIPTS = JobStream(
    TRANSLATION_GROUP,
    lambda fields: (decode_transcript(fields), b""),
    lambda streams, entry, outcome: streams.commit_translations(entry, outcome),
)


def dead_letter_error(group: str, job: Job | None, failure: Failure) -> Error | None:
    """The event that tells the client that an utterance has no result.

    None when no utterance is known, or when a dead letter was replayed: its client has received the error before.
    """
    if job is None or job.replayed:
        return None
    verb, code = ("recognized", "dead_lettered") if group == STT_GROUP else ("translated", "not_translated")
    message = f"utterance {job.utterance} could not be {verb}: {failure.reason}"
    return Error(code=code, message=message, utterance=job.utterance)
