"""Jobs and results in Redis Streams; results are committed by commit.lua."""

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from backend.messages.jobs import AudioJob, Job, StreamKind, Transcript, encode_channel_message, encode_entry
from backend.messages.protocol import Message, to_json
from backend.service.settings import ServiceSettings
from backend.streams.job_streams import CommitResult, Entry, Failure, Outcome, dead_letter_error
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard, all_shards, shard_of
from backend.streams.scripts import SessionScript

# Entries of a preview stream. More means that no worker reads it, and old previews are worthless.
PREVIEW_CAP = 1_000


class RedisJobStreams:
    """Implements `JobStreams`."""

    def __init__(self, redis: Redis, settings: ServiceSettings) -> None:
        self.redis = redis
        self.shards = all_shards(settings.shards)
        self._script = SessionScript(redis, "commit", settings)

    def shard(self, session: str) -> Shard:
        return shard_of(session, len(self.shards))

    async def submit_preview(self, job: AudioJob, pcm: bytes) -> None:
        stream = self.shard(job.session).audio("preview")
        await self.redis.xadd(stream, encode_entry(job, pcm), maxlen=PREVIEW_CAP, approximate=True)

    async def commit_final(self, entry: Entry[AudioJob], outcome: Outcome) -> CommitResult:
        event = to_json(outcome.durable[0])
        transcript = outcome.transcript.model_dump_json(exclude_defaults=True) if outcome.transcript else ""
        if entry.job.replayed:
            return await self._commit(entry.shard, entry.job, STT_GROUP, entry.id, "commit_late", event, transcript)
        partial = to_json(outcome.live[0]) if outcome.live else ""
        return await self._commit(entry.shard, entry.job, STT_GROUP, entry.id, "commit", event, transcript, partial)

    async def commit_translations(self, entry: Entry[Transcript], outcome: Outcome) -> CommitResult:
        events = (to_json(event) for event in outcome.durable)
        return await self._commit(entry.shard, entry.job, TRANSLATION_GROUP, entry.id, "commit_translations", *events)

    async def dead_letter(
        self, shard: Shard, group: str, entry_id: str, job: Job | None, failure: Failure, kind: StreamKind = "final"
    ) -> CommitResult:
        error = dead_letter_error(group, job, failure)
        event = to_json(error) if error else ""
        return await self._commit(shard, job, group, entry_id, "dead_letter", event, *failure.pairs(), kind=kind)

    async def publish_previews(
        self, session: str, events: Sequence[Message], transcript: Transcript | None = None
    ) -> None:
        shard = self.shard(session)
        async with self.redis.pipeline(transaction=False) as pipe:
            for event in events:
                # redis-py has no method for SPUBLISH on a pipeline.
                pipe.execute_command("SPUBLISH", shard.events(session), encode_channel_message(event))
            if transcript is not None:
                stream = shard.transcripts("preview")
                pipe.xadd(stream, encode_entry(transcript), maxlen=PREVIEW_CAP, approximate=True)
            await pipe.execute()

    async def _commit(
        self,
        shard: Shard,
        job: Job | None,
        group: str,
        entry_id: str,
        operation: str,
        *arguments: str,
        kind: StreamKind | None = None,
    ) -> CommitResult:
        session, utterance = (job.session, job.utterance) if job else ("", "")
        attempt = job.attempt if isinstance(job, AudioJob) else ""
        place = (group, entry_id, utterance, attempt)
        stream = kind or (job.stream_kind if job else "final")
        answer = await self._script.run(shard, session, group, operation, *place, *arguments, kind=stream)
        return cast("CommitResult", answer.decode())
