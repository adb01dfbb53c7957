"""What a worker writes: results in one step (commit.lua), guesses, dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from redis.asyncio import Redis

from backend.messages.jobs import (
    AudioJob,
    Job,
    Transcript,
    decode_audio_job,
    decode_transcript,
    encode_channel_message,
    encode_entry,
)
from backend.messages.protocol import Error, Message, to_json
from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard, all_shards, shard_of
from backend.streams.scripts import Script

J = TypeVar("J", bound=Job)

PREVIEW_CAP = 1_000
"""Entries a preview lane holds at most; more means that nobody reads, and previews are only guesses."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What handling an entry gave."""

    durable: tuple[Message, ...] = ()
    """Events for the session's log, each exactly once. A result of the audio lane is exactly one."""
    live: tuple[Message, ...] = ()
    """Events shown now and forgotten."""
    transcript: Transcript | None = None
    """What the next lane is to work on."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[J]):
    """A job as it lies on a lane."""

    shard: Shard
    id: str
    job: J
    pcm: bytes = b""

    @property
    def traceparent(self) -> str:
        """The trace that it belongs to; "" when it is not traced."""
        return self.job.traceparent

    @property
    def written_s(self) -> float:
        """When it was written, in Unix time by Redis's clock: its id says so, to the millisecond."""
        return int(self.id.partition("-")[0]) / 1000

    @property
    def about(self) -> dict[str, object]:
        """What every log line about it says."""
        job = self.job
        return {
            "entry": self.id,
            "correlation_id": job.correlation_id,
            "session": job.session,
            "utterance": job.utterance,
        }

    def lasted(self, taken_s: float, done_s: float) -> dict[str, int]:
        """How long it lay on its lane, and how long it took with all that shared its batch; Unix times in."""
        waited_s = max(0.0, taken_s - self.written_s)
        return {"waited_ms": round(1000 * waited_s), "duration_ms": round(1000 * (done_s - taken_s))}


class JobStreams:
    """All lanes of a system."""

    def __init__(self, redis: Redis, settings: ServiceSettings) -> None:
        self.redis = redis
        self.shards = all_shards(settings.shards)
        self._letters = settings.dead_cap
        self._script = Script(redis, "commit", settings)

    def shard(self, session: str) -> Shard:
        """Where the session lives."""
        return shard_of(session, len(self.shards))

    async def submit_preview(self, job: AudioJob, pcm: bytes) -> None:
        """Ask for a guess."""
        lane = self.shard(job.session).audio("preview")
        await self.redis.xadd(lane, encode_entry(job, pcm), maxlen=PREVIEW_CAP, approximate=True)

    async def commit_final(self, entry: Entry[AudioJob], outcome: Outcome) -> int:
        """Acknowledge an audio job and make its result true. Returns what commit.lua says: 1, 0 or 2."""
        job = entry.job
        transcript = outcome.transcript.model_dump_json(exclude_defaults=True) if outcome.transcript else ""
        partial = to_json(outcome.live[0]) if outcome.live else ""
        operation = "late" if job.replayed else "commit"
        result = (to_json(outcome.durable[0]), transcript, partial)
        return await self._commit(entry.shard, job, operation, STT_GROUP, entry.id, *result)

    async def commit_translations(self, entry: Entry[Transcript], outcome: Outcome) -> int:
        """Acknowledge a transcript and log its translations."""
        events = (to_json(event) for event in outcome.durable)
        return await self._commit(entry.shard, entry.job, "append", TRANSLATION_GROUP, entry.id, *events)

    async def dead_letter(
        self, shard: Shard, group: str, entry_id: str, job: Job | None, reason: Mapping[str, str]
    ) -> int:
        """Move an entry to the dead letters and tell its client, by an `error` naming the utterance."""
        event = ""
        if job is not None and not job.replayed:
            what, code = ("recognized", "dead_lettered") if group == STT_GROUP else ("translated", "not_translated")
            message = f"utterance {job.utterance} could not be {what}: {reason['reason']}"
            event = to_json(Error(code=code, message=message, utterance=job.utterance))
        fields = (part for item in reason.items() for part in item)
        return await self._commit(shard, job, "bury", group, entry_id, event, *fields, cap=self._letters)

    async def publish_previews(
        self, session: str, events: Sequence[Message], transcript: Transcript | None = None
    ) -> None:
        """Publish guesses; nobody waits for them."""
        shard = self.shard(session)
        async with self.redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.execute_command("SPUBLISH", shard.events(session), encode_channel_message(event))
            if transcript is not None:
                lane = shard.transcripts("preview")
                pipe.xadd(lane, encode_entry(transcript), maxlen=PREVIEW_CAP, approximate=True)
            await pipe.execute()

    async def _commit(
        self, shard: Shard, job: Job | None, operation: str, group: str, entry_id: str, *rest: str, cap: int = 0
    ) -> int:
        session = job.session if job else ""
        utterance = job.utterance if job else ""
        attempt = job.attempt if isinstance(job, AudioJob) else ""
        place = (group, entry_id, utterance, attempt)
        return int(await self._script.run(shard, session, group, operation, *place, *rest, cap=cap))


@dataclass(frozen=True, slots=True)
class JobStream(Generic[J]):
    """Where a kind of worker reads, and how its results are committed."""

    group: str
    finals: Callable[[Shard], str]
    previews: Callable[[Shard], str]
    decode: Callable[[Mapping[bytes, bytes]], tuple[J, bytes]]
    commit: Callable[[JobStreams, Entry[J], Outcome], Awaitable[int]]


AUDIO = JobStream(
    STT_GROUP, lambda s: s.audio("final"), lambda s: s.audio("preview"), decode_audio_job, JobStreams.commit_final
)
TRANSCRIPTS = JobStream(
    TRANSLATION_GROUP,
    lambda s: s.transcripts("final"),
    lambda s: s.transcripts("preview"),
    lambda fields: (decode_transcript(fields), b""),
    JobStreams.commit_translations,
)
