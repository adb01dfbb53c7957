"""Sessions in Redis: one hash and one log each, written by session.lua."""

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any

import structlog
from redis.asyncio import Redis

from backend.messages.jobs import AudioJob, ChannelMessage, StreamKind, Transcript
from backend.messages.protocol import Resume
from backend.messages.session_record import DamagedRecordError, SessionRecord
from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, Shard, shard_of
from backend.streams.scripts import SessionScript
from backend.streams.session.log import read_log
from backend.streams.session.sessions import SessionLostError, TakenOverError, UnknownSessionError

log = structlog.get_logger()


class RedisSessions:
    """Implements `Sessions`. `owner` names this gateway in the session's hash, for operators."""

    def __init__(self, redis: Redis, settings: ServiceSettings, owner: str) -> None:
        self._redis = redis
        self._script = SessionScript(redis, "session", settings)
        self._shards, self._owner = settings.shards, owner

    async def open(self, session: str, token: str, record: SessionRecord, *, caller: str = "") -> "RedisLease":
        lease = self._lease(session, token, caller, epoch=0)
        await lease.open(record)
        return lease

    async def resume(self, message: Resume, *, caller: str = "") -> tuple["RedisLease", SessionRecord]:
        shard = shard_of(message.session, self._shards)
        arguments = (hash_token(message.token), message.utterance, self._owner, caller)
        answer = await self._script.run(shard, message.session, STT_GROUP, "resume", *arguments)
        if answer == b"unknown":
            raise UnknownSessionError("unknown session: it has expired, or the token does not match")
        try:
            record = SessionRecord.read(answer)
        except DamagedRecordError as error:
            log.error("session_damaged", session=message.session, error=error.message)
            raise UnknownSessionError("the stored session cannot be read") from None
        return self._lease(message.session, message.token, caller, record.epoch), record

    def read_log(self, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
        return read_log(self._redis, shard_of(session, self._shards), session, cursor)

    def _lease(self, session: str, token: str, caller: str, epoch: int) -> "RedisLease":
        identity = {"token": hash_token(token), "owner": self._owner, "caller": caller}
        return RedisLease(self._script, shard_of(session, self._shards), session, epoch, identity)


class RedisLease:
    """Implements `Lease`."""

    def __init__(
        self, script: SessionScript, shard: Shard, session: str, epoch: int, identity: Mapping[str, str]
    ) -> None:
        self._script, self._shard, self._session, self._identity = script, shard, session, identity
        self.epoch = epoch

    async def open(self, record: SessionRecord) -> None:
        await self._run("open", *_pairs({**record.fields(), **self._identity, "next": str(record.next)}))

    async def update(self, record: SessionRecord) -> None:
        await self._run("update", *_pairs(record.fields()))

    async def submit_audio(self, job: AudioJob, pcm: bytes, *, early: bool) -> str:
        header = job.model_dump_json(exclude_defaults=True)
        arguments = (job.utterance, job.attempt, int(early), job.end_ms, header, pcm)
        entry_id: bytes = await self._run("submit", *arguments, kind=job.stream_kind)
        return entry_id.decode()

    async def close_utterance(self, utterance: int, attempt: int, end_ms: int, entry_id: str) -> None:
        await self._run("close_utterance", utterance, attempt, end_ms, entry_id)

    async def withdraw_early_final(self, utterance: int, attempt: int, entry_id: str) -> None:
        await self._run("withdraw_early_final", utterance, attempt, entry_id)

    async def resubmit_transcript(self, transcript: Transcript) -> None:
        header = transcript.model_dump_json(exclude_defaults=True)
        await self._run("resubmit_transcript", transcript.utterance, header)

    async def restore(self, record: SessionRecord) -> SessionRecord:
        fields = _pairs({**record.fields(), **self._identity})
        return SessionRecord.read(await self._run("restore", record.next - 1, *fields))

    async def _run(self, operation: str, *arguments: str | int | bytes, kind: StreamKind = "final") -> Any:
        place = (self._shard, self._session, STT_GROUP)
        answer = await self._script.run(*place, operation, self.epoch, *arguments, kind=kind)
        if answer == b"taken_over":
            raise TakenOverError
        if answer == b"unknown":
            raise SessionLostError("Redis has lost the session")
        return answer


def hash_token(token: str) -> str:
    """Only the hash of a resume token is stored, so a reader of Redis cannot take over sessions."""
    return sha256(token.encode()).hexdigest()


def _pairs(fields: Mapping[str, str]) -> list[str]:
    return [part for item in fields.items() for part in item]
