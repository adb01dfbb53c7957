"""A session as Redis keeps it, and the lease by which one gateway holds it (session.lua).

A gateway needs no durable state: what it must not lose it writes here before it counts as done. The lease is fenced by
an epoch, which grows whenever another connection resumes the session: an old holder changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import structlog
from redis.asyncio import Redis

from backend.errors import ClientError, NovaError
from backend.messages.jobs import AudioJob, Transcript
from backend.messages.protocol import Resume
from backend.messages.session_record import DamagedRecordError, SessionRecord
from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, Shard, shard_of
from backend.streams.scripts import Script

log = structlog.get_logger()


class UnknownSessionError(ClientError):
    """No such session, or not with this token."""

    code = "unknown_session"


class TakenOverError(ClientError):
    """Another connection has resumed the session."""

    code = "taken_over"

    def __init__(self) -> None:
        super().__init__("another connection has resumed this session", close_code=4001)


class SessionLostError(NovaError):
    """Redis has lost what it knew of a session that is held: `restore` it."""

    code = "session_lost"


class Sessions:
    """Every session of a system."""

    def __init__(self, redis: Redis, settings: ServiceSettings, owner: str) -> None:
        self._script = Script(redis, "session", settings)
        self._shards, self._owner = settings.shards, owner

    async def open(self, session: str, token: str, record: SessionRecord) -> Lease:
        """A new session, held from the first."""
        lease = self._lease(session, token, 0)
        await lease.open(record)
        return lease

    async def resume(self, message: Resume) -> tuple[Lease, SessionRecord]:
        """Take a session over from whoever holds it. Raises UnknownSessionError."""
        shard = shard_of(message.session, self._shards)
        arguments = (_hash(message.token), message.utterance, self._owner)
        answer = await self._script.run(shard, message.session, STT_GROUP, "resume", *arguments)
        if answer == -2:
            raise UnknownSessionError("no such session: it has expired, or the token is not its own")
        try:
            record = SessionRecord.read(answer)
        except DamagedRecordError as error:
            log.error("session_damaged", session=message.session, error=error.message)
            raise UnknownSessionError("what was known of this session cannot be read") from None
        return self._lease(message.session, message.token, record.epoch), record

    def _lease(self, session: str, token: str, epoch: int) -> Lease:
        identity = {"token": _hash(token), "owner": self._owner}
        return Lease(self._script, shard_of(session, self._shards), session, epoch, identity)


class Lease:
    """The right to write to a session.

    Every method raises TakenOverError once another connection has resumed it, SessionLostError when Redis has lost it.
    """

    def __init__(self, script: Script, shard: Shard, session: str, epoch: int, identity: Mapping[str, str]) -> None:
        self._script, self._shard, self._session, self._identity = script, shard, session, identity
        self.epoch = epoch

    async def open(self, record: SessionRecord) -> None:
        """Make the session known."""
        await self._run("open", *_pairs({**record.fields(), **self._identity, "next": str(record.next)}))

    async def update(self, record: SessionRecord) -> None:
        """This is so now; the session's time to live starts anew."""
        await self._run("keep", *_pairs(record.fields()))

    async def submit_audio(self, job: AudioJob, pcm: bytes, *, early: bool) -> str:
        """Put work on the lane that loses nothing; returns the entry's id. From now on its audio is safe.

        An `early` one is decoded at once but released only by `close`; further speech overtakes it.
        """
        header = job.model_dump_json(exclude_defaults=True)
        answer = await self._run("submit", job.utterance, job.attempt, int(early), job.end_ms, header, pcm)
        return str(answer.decode())

    async def close_utterance(self, utterance: int, attempt: int, end_ms: int, entry_id: str) -> None:
        """The endpoint is certain: what this early attempt hears, or has heard, is the utterance's final."""
        await self._run("close", utterance, attempt, end_ms, entry_id)

    async def withdraw_early_final(self, utterance: int, attempt: int, entry_id: str) -> None:
        """Take back an early final that further speech overtook; harmless when a worker has begun it."""
        await self._run("withdraw", utterance, attempt, entry_id)

    async def resubmit_transcript(self, transcript: Transcript) -> None:
        """Have a transcript translated that was lost before it was."""
        await self._run("translate", transcript.utterance, transcript.model_dump_json(exclude_defaults=True))

    async def restore(self, record: SessionRecord) -> SessionRecord:
        """After Redis may have lost writes: this is so, and all results before `record.next` have been seen.

        Returns what Redis knows then; what should be among its `closed` and `translating` and is not, was lost.
        """
        return SessionRecord.read(
            await self._run("restore", record.next - 1, *_pairs({**record.fields(), **self._identity}))
        )

    async def _run(self, operation: str, *arguments: str | int | bytes) -> Any:
        answer = await self._script.run(self._shard, self._session, STT_GROUP, operation, self.epoch, *arguments)
        if answer == -1:
            raise TakenOverError
        if answer == -2:
            raise SessionLostError("Redis has lost the session")
        return answer


def _pairs(fields: Mapping[str, str]) -> list[str]:
    return [part for item in fields.items() for part in item]


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
