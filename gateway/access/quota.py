"""Applies callers' quotas to the sessions of this gateway."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from backend.errors import ClientError
from backend.streams.access.api_keys import ApiKeys
from backend.streams.access.quota import Quota, QuotaAnswer
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from gateway import metrics
from gateway.access.auth import Caller, RefusedError
from gateway.access.registry import OpenSession, SessionRegistry

# Interval of renewals: about a quarter of the time after which Redis frees a slot (SLOT_TTL_S), so a renewal may fail.
RENEW_EVERY_S = 4.0
RETRY_AFTER_S = 5.0

log = structlog.get_logger()


class OverQuotaError(ClientError):
    """The caller has used up its quota. Close code 1013 if waiting helps, 1008 if only the next day does."""

    code = "over_quota"


MESSAGES = {
    "sessions": "this key has reached its limit of simultaneous sessions",
    "starts": "this key has reached its limit of new sessions per minute",
    "minutes": "this key has used up its minutes of audio for today; the count restarts at midnight UTC",
}


def _quota_error(answer: QuotaAnswer) -> OverQuotaError | None:
    used_up, after_s = answer
    if not used_up:
        return None
    error = OverQuotaError(MESSAGES[used_up], close_code=1008 if used_up == "minutes" else 1013)
    if used_up != "minutes":
        error.retry_after_s = after_s or RETRY_AFTER_S
    return error


class QuotaSlots:
    """Slots in Redis for the sessions of this gateway's registry. Anonymous callers have no quota."""

    def __init__(self, quota: Quota, keys: ApiKeys, registry: SessionRegistry) -> None:
        self._quota, self._keys, self._registry = quota, keys, registry

    @asynccontextmanager
    async def hold_slot(self, caller: Caller, session: str, *, new: bool) -> AsyncIterator[OpenSession]:
        """Register a session and hold a slot for it. Raises OverQuotaError, and REDIS_ERRORS if Redis is down."""
        await self._take_slot(caller, session, new=new)
        # Registered only after the slot is taken, so that no renewal creates a slot that was refused.
        with self._registry.registered(OpenSession(session, caller)) as entry:
            try:
                yield entry
            finally:
                if caller.id:
                    with suppress(*REDIS_ERRORS):  # the slot then expires
                        await self._quota.release_slot(caller.id, session, entry.take_uncounted_ms())

    async def _take_slot(self, caller: Caller, session: str, *, new: bool) -> None:
        if not caller.id:
            return
        answer = await retry_until_available(lambda: self._quota.take_slot(caller.id, caller.limits, session, new=new))
        if error := _quota_error(answer):
            metrics.REJECTED.labels("quota").inc()
            raise error

    async def renew_forever(self) -> None:
        """Renew slots, count audio, and end the sessions of revoked keys, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            by_caller: defaultdict[Caller, list[OpenSession]] = defaultdict(list)
            for entry in self._registry:
                if entry.caller.id:
                    by_caller[entry.caller].append(entry)
            for caller, entries in by_caller.items():
                await self._renew_caller(caller, entries)

    async def _renew_caller(self, caller: Caller, entries: Sequence[OpenSession]) -> None:
        try:
            error = await self._check_caller(caller, entries)
        except REDIS_ERRORS as failure:
            log.warning("quota_unknown", caller=caller.id, error=str(failure))
            return
        for entry in entries:
            entry.quota_error = error

    async def _check_caller(self, caller: Caller, entries: Sequence[OpenSession]) -> ClientError | None:
        if caller.has_key and not await self._keys.exists(caller.id):
            return RefusedError("the key has been revoked or has expired")
        uncounted = {entry: entry.take_uncounted_ms() for entry in entries}
        sessions = [entry.id for entry in entries]
        try:
            answer = await self._quota.renew_slots(caller.id, caller.limits, sessions, sum(uncounted.values()))
        except REDIS_ERRORS:
            for entry, audio_ms in uncounted.items():
                entry.return_uncounted_ms(audio_ms)
            raise
        return _quota_error(answer)
