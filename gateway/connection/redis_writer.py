"""What a session decides is done in Redis one thing after the other; while Redis is away it waits here.

A write that fails may have taken effect, and one that took effect may be lost in a failover. So nothing is tried twice
blindly: when Redis answers again, it is asked what it knows, and what it does not know is asked for anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from backend.messages.protocol import Message, Notice
from backend.messages.session_record import SessionRecord
from backend.streams.job_streams import JobStreams
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.sessions import Lease, SessionLostError
from gateway.session.actions import Action, Close, Preview, Submit, Translate, Withdraw
from gateway.session.machine import Session

MOST = 64
"""Errands that may wait; then whoever brings more waits, and the client is not read."""
TELL_AFTER_S = 1.0
"""Redis may be away for so long before the client is told."""
NO_ENTRY = "0-1"
"""The id of no entry: that of an early final which may never have been written."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keep:
    """The session lives."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class Check:
    """Redis may have lost writes."""


class RedisWriter:
    """One session's. Ends by TakenOverError, or by TROUBLE when Redis has been away for too long."""

    def __init__(self, session: Session, lease: Lease, streams: JobStreams, tell: Callable[[Message], None]) -> None:
        self._session, self._lease, self._streams, self._tell = session, lease, streams, tell
        self._queue: asyncio.Queue[Action | Keep | Check] = asyncio.Queue(MOST)
        self._early: dict[tuple[int, int], str] = {}

    async def put(self, errand: Action | Keep | Check) -> None:
        """Do this in its turn. Waits while too much waits already."""
        await self._queue.put(errand)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            errand = await self._queue.get()
            try:
                await self._do(errand)
            except SessionLostError:
                log.warning("session_lost", errand=type(errand).__name__)
                await self._recover()
            except REDIS_ERRORS as error:
                if not isinstance(errand, Preview):
                    log.warning("redis_unavailable", errand=type(errand).__name__, error=str(error))
                    await self._recover()

    async def _do(self, errand: Action | Keep | Check) -> None:
        lease = self._lease
        match errand:
            case Preview(job, pcm):
                await self._streams.submit_preview(job, pcm)
            case Submit(job, pcm, early):
                entry = await lease.submit_audio(job, pcm, early=early)
                if early:
                    self._early[job.utterance, job.attempt] = entry
            case Withdraw(utterance, attempt):
                await lease.withdraw_early_final(utterance, attempt, self._early.pop((utterance, attempt), NO_ENTRY))
            case Close(utterance, attempt, end_ms):
                entry = self._early.pop((utterance, attempt), NO_ENTRY)
                await lease.close_utterance(utterance, attempt, end_ms, entry)
            case Translate(transcript):
                await lease.resubmit_transcript(transcript)
            case Keep(record):
                await lease.update(record)
            case Check():
                await self._restore()

    async def _recover(self) -> None:
        """What waits here is forgotten: `_restore` knows it all."""
        told = False

        def tell(waited_s: float) -> None:
            nonlocal told
            if waited_s > TELL_AFTER_S and not told:
                told = True
                self._tell(Notice(code="delayed", message="the server waits for its store; nothing is lost"))

        recovered = False
        while not recovered:
            with suppress(SessionLostError):
                await retry_until_available(self._restore, tell)
                recovered = True
        if told:
            self._tell(Notice(code="delay_over", message="the server has its store again"))

    async def _restore(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        known = await self._lease.restore(self._session.foundation())
        lost = self._session.lost(known, time.time())
        for action in lost:
            await self._do(action)
        if lost:
            log.warning("lost_work_submitted_again", entries=len(lost))
