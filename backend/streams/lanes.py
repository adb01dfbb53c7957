"""Writing to the lanes, and the one step that commits a result (commit.lua)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Generic, TypeVar

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.messages.jobs import AudioJob, Job, Transcript, encode_entry, pack_live
from backend.messages.protocol import Error, Message, to_json
from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard, all_shards, shard_of

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
    onward: Transcript | None = None
    """What the next lane is to work on."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[J]):
    """A job as it lies on a lane."""

    shard: Shard
    id: str
    job: J
    pcm: bytes = b""


class Lanes:
    """All lanes of a system."""

    def __init__(self, redis: Redis, settings: ServiceSettings) -> None:
        self.redis = redis
        self.shards = all_shards(settings.shards)
        self._ttl = settings.session_ttl_s
        self._cap = settings.log_cap
        self._script: AsyncScript = redis.register_script(files(__package__).joinpath("commit.lua").read_text())

    def shard(self, session: str) -> Shard:
        """Where the session lives."""
        return shard_of(session, len(self.shards))

    async def open_session(self, session: str, about: Mapping[str, str]) -> None:
        """Make the session known; its state and log then live until `session_ttl_s` after the last event."""
        key = self.shard(session).session(session)
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, items=["next", "1", *(part for item in about.items() for part in item)])
            pipe.expire(key, self._ttl)
            await pipe.execute()

    async def keep_session(self, session: str) -> None:
        """Start the session's time to live anew; called while it is connected."""
        shard = self.shard(session)
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.expire(shard.session(session), self._ttl)
            pipe.expire(shard.log(session), self._ttl)
            await pipe.execute()

    async def submit_preview(self, job: AudioJob, pcm: bytes) -> None:
        """Ask for a guess."""
        lane = self.shard(job.session).audio("preview")
        await self.redis.xadd(lane, encode_entry(job, pcm), maxlen=PREVIEW_CAP, approximate=True)

    async def submit_final(self, job: AudioJob, pcm: bytes, *, early: bool) -> str:
        """Put work on the lane that loses nothing; returns the entry's id.

        An `early` one is decoded at once but released only by `close`; further speech overtakes it.
        """
        shard = self.shard(job.session)
        field, value = ("open", f"{job.utterance}:{job.attempt}") if early else (f"closed:{job.utterance}", job.attempt)
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(shard.session(job.session), field, str(value))
            pipe.xadd(shard.audio("final"), encode_entry(job, pcm))
            results = await pipe.execute()
        return str(results[-1].decode())

    async def withdraw(self, session: str, entry_id: str) -> None:
        """Take back an early final that further speech overtook; harmless when a worker has begun it."""
        await self.redis.xdel(self.shard(session).audio("final"), entry_id)

    async def close(self, session: str, utterance: int, attempt: int) -> None:
        """The endpoint is certain: what this attempt hears, or has heard, is the utterance's final."""
        await self._call(self.shard(session), session, "close", utterance=utterance, attempt=attempt)

    async def commit_final(self, entry: Entry[AudioJob], outcome: Outcome) -> int:
        """Acknowledge an audio job and make its result true. Returns what commit.lua says: 1, 0 or 2."""
        job = entry.job
        transcript = outcome.onward.model_dump_json(exclude_defaults=True) if outcome.onward else ""
        partial = to_json(outcome.live[0]) if outcome.live else ""
        return await self._call(
            entry.shard, job.session, "commit", STT_GROUP, entry.id, job.utterance, job.attempt,
            (to_json(outcome.durable[0]), transcript, partial),
        )  # fmt: skip

    async def commit_translations(self, entry: Entry[Transcript], outcome: Outcome) -> int:
        """Acknowledge a transcript and log its translations."""
        events = tuple(to_json(event) for event in outcome.durable)
        return await self._call(entry.shard, entry.job.session, "append", TRANSLATION_GROUP, entry.id, rest=events)

    async def bury(self, shard: Shard, group: str, entry_id: str, job: Job | None, reason: Mapping[str, str]) -> int:
        """Move an entry to the dead letters and tell its client, by an `error` naming the utterance."""
        event = ""
        if job is not None:
            message = f"utterance {job.utterance} could not be processed: {reason['reason']}"
            event = to_json(Error(code="dead_lettered", message=message, utterance=job.utterance))
        audio = job if isinstance(job, AudioJob) else None
        fields = [part for item in reason.items() for part in item]
        return await self._call(
            shard, job.session if job else "", "bury", group, entry_id,
            audio.utterance if audio else "", audio.attempt if audio else "", (event, *fields),
        )  # fmt: skip

    async def show(self, session: str, events: Sequence[Message], onward: Transcript | None = None) -> None:
        """Publish guesses; nobody waits for them."""
        shard = self.shard(session)
        async with self.redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.publish(shard.events(session), pack_live(event))
            if onward is not None:
                lane = shard.transcripts("preview")
                pipe.xadd(lane, encode_entry(onward), maxlen=PREVIEW_CAP, approximate=True)
            await pipe.execute()

    async def _call(
        self, shard: Shard, session: str, operation: str, group: str = STT_GROUP, entry_id: str = "",
        utterance: int | str = "", attempt: int | str = "", rest: Sequence[str] = (),
    ) -> int:  # fmt: skip
        jobs, dead = (
            (shard.audio("final"), shard.audio_dead)
            if group == STT_GROUP
            else (shard.transcripts("final"), shard.transcripts_dead)
        )
        keys = [jobs, shard.transcripts("final"), shard.session(session), shard.log(session), dead]
        place = (operation, group, entry_id, utterance, attempt, shard.events(session))
        return int(await self._script(keys=keys, args=[*place, self._ttl, self._cap, *rest]))
