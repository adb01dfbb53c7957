"""Executes a session's Redis actions in order, and recovers when Redis was unavailable or has lost data.

A write that failed may have taken effect, and one that took effect may be lost in a failover. So no write is repeated
blindly: when Redis answers again, the session's record there is compared with the session, and only missing jobs are
submitted again.
"""

import asyncio
import time
from contextlib import suppress

import structlog

from backend.streams.job_streams import JobStreams
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.sessions import Lease, SessionLostError
from gateway.session.actions import (
    CloseUtterance,
    RedisAction,
    RenewRecord,
    ResubmitTranscript,
    SubmitFinal,
    SubmitPreview,
    VerifyRecord,
    WithdrawEarlyFinal,
)
from gateway.session.session import Session

# Actions that may wait. When the queue is full, `put` blocks, and so the client is not read.
MAX_WAITING = 64
# The id of no entry, for an early final that may never have been written.
NO_ENTRY = "0-1"

log = structlog.get_logger()


class RedisWriter:
    """The Redis actions of one session."""

    def __init__(self, session: Session, lease: Lease, streams: JobStreams) -> None:
        self._session, self._lease, self._streams = session, lease, streams
        self._queue: asyncio.Queue[RedisAction] = asyncio.Queue(MAX_WAITING)
        # Entry ids of early finals, by utterance and attempt.
        self._early_entries: dict[tuple[int, int], str] = {}
        # When the action that is being executed, or its recovery, began.
        self._began_at: float | None = None

    def blocked_s(self) -> float:
        """Seconds for which the current action has not been completed; 0 if there is none."""
        now = asyncio.get_running_loop().time()
        return now - (now if self._began_at is None else self._began_at)

    async def put(self, action: RedisAction) -> None:
        """Queue an action. Waits while the queue is full."""
        await self._queue.put(action)

    async def write_forever(self) -> None:
        """Execute actions until cancelled.

        Raises TakenOverError if another connection has resumed the session, and REDIS_ERRORS if Redis is unavailable
        for too long.
        """
        while True:
            action = await self._queue.get()
            self._began_at = asyncio.get_running_loop().time()
            await self._complete(action)
            self._began_at = None

    async def _complete(self, action: RedisAction) -> None:
        try:
            await self._execute(action)
        except SessionLostError:
            log.warning("session_lost", errand=type(action).__name__)
            await self._recover()
        except REDIS_ERRORS as error:
            # A lost preview needs no recovery: the session requests another one when it is overdue.
            if not isinstance(action, SubmitPreview):
                log.warning("redis_unavailable", errand=type(action).__name__, error=str(error))
                await self._recover()

    async def _execute(self, action: RedisAction) -> None:
        lease = self._lease
        match action:
            case SubmitPreview(job, pcm):
                await self._streams.submit_preview(job, pcm)
            case SubmitFinal(job, pcm, early):
                entry = await lease.submit_audio(job, pcm, early=early)
                if early:
                    self._early_entries[job.utterance, job.attempt] = entry
            case WithdrawEarlyFinal(utterance, attempt):
                await lease.withdraw_early_final(utterance, attempt, self._take_early_entry(utterance, attempt))
            case CloseUtterance(utterance, attempt, end_ms):
                await lease.close_utterance(utterance, attempt, end_ms, self._take_early_entry(utterance, attempt))
            case ResubmitTranscript(transcript):
                await lease.resubmit_transcript(transcript)
            case RenewRecord(record):
                await lease.update(record)
            case VerifyRecord():
                await self._restore()

    def _take_early_entry(self, utterance: int, attempt: int) -> str:
        return self._early_entries.pop((utterance, attempt), NO_ENTRY)

    async def _recover(self) -> None:
        """Restore the session as soon as Redis answers."""
        recovered = False
        while not recovered:
            with suppress(SessionLostError):
                await retry_until_available(self._restore)
                recovered = True

    async def _restore(self) -> None:
        # Queued actions are dropped: the session itself knows all jobs without results, including theirs.
        while not self._queue.empty():
            self._queue.get_nowait()
        known = await self._lease.restore(self._session.minimal_record())
        actions = self._session.recover_lost_jobs(known, time.time())
        for action in actions:
            await self._execute(action)
            self._session.record_submitted_again(action)
        if actions:
            log.warning("lost_work_submitted_again", entries=len(actions))
