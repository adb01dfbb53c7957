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
# Audio that is reserved at a time. It bounds what stays counted when a gateway dies, and the requests to Redis.
RESERVE_MS = 10_000

log = structlog.get_logger()


class OverQuotaError(ClientError):
    """The caller has used up its quota. Close code 1013 if waiting helps, 1008 if only the next day does."""

    code = "over_quota"


MESSAGES = {
    "sessions": "this key has reached its limit of simultaneous sessions",
    "starts": "this key has reached its limit of new sessions per minute",
    "minutes": "this key has used up its minutes of audio for today; the count restarts at midnight UTC",
}


def _over_quota(answer: QuotaAnswer) -> OverQuotaError | None:
    exhausted, after_s = answer
    if not exhausted:
        return None
    error = OverQuotaError(MESSAGES[exhausted], close_code=1008 if exhausted == "minutes" else 1013)
    if exhausted != "minutes":
        error.retry_after_s = after_s or RETRY_AFTER_S
    return error


class QuotaSlots:
    """Slots and reservations in Redis for the sessions of this gateway's registry. Anonymous callers have no quota."""

    def __init__(self, quota: Quota, keys: ApiKeys, registry: SessionRegistry) -> None:
        self._quota, self._keys, self._registry = quota, keys, registry

    @asynccontextmanager
    async def hold_slot(self, entry: OpenSession, epoch: int, *, new: bool, count: int = 1) -> AsyncIterator[None]:
        """Hold a slot for a session. Raises OverQuotaError, and REDIS_ERRORS if Redis is down.

        `count`: new sessions that the client opens together, starting with this one. All must be within the limits.
        """
        caller = entry.caller
        if not caller.id:
            yield
            return
        answer = await retry_until_available(
            lambda: self._quota.take_slot(caller.id, caller.limits, entry.id, epoch=epoch, new=new, count=count)
        )
        if error := _over_quota(answer):
            metrics.REJECTED.labels("quota", entry.protocol).inc()
            raise error
        # Renewed only from now on, so that no renewal creates a slot that was refused.
        entry.epoch = epoch
        try:
            yield
        finally:
            entry.epoch = None
            with suppress(*REDIS_ERRORS):  # the slot then expires
                await self._quota.release_slot(caller.id, entry.id, entry.take_unused_ms(), epoch=epoch)

    async def use_audio(self, entry: OpenSession, audio_ms: int) -> None:
        """Count audio before it is processed. Raises OverQuotaError if the caller may not use as much today."""
        caller = entry.caller
        if caller.id:
            while entry.reserved_ms < audio_ms:
                wanted_ms = max(RESERVE_MS, audio_ms - entry.reserved_ms)
                entry.reserved_ms += await self._reserve(caller, wanted_ms)
            entry.reserved_ms -= audio_ms

    async def _reserve(self, caller: Caller, audio_ms: int) -> int:
        reserved_ms, answer = await retry_until_available(
            lambda: self._quota.reserve_audio(caller.id, caller.limits, audio_ms)
        )
        if error := _over_quota(answer):
            raise error
        return reserved_ms

    async def renew_forever(self) -> None:
        """Renew slots, and end the sessions of revoked keys and those beyond the limit, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            by_caller: defaultdict[Caller, list[OpenSession]] = defaultdict(list)
            for entry in self._registry:
                if entry.epoch is not None:
                    by_caller[entry.caller].append(entry)
            for caller, entries in by_caller.items():
                await self._renew_caller(caller, entries)

    async def _renew_caller(self, caller: Caller, entries: Sequence[OpenSession]) -> None:
        try:
            if caller.has_key and not await self._keys.exists(caller.id):
                for entry in entries:
                    entry.quota_error = RefusedError("the key has been revoked or has expired")
                return
            epochs = {entry.id: entry.epoch for entry in entries if entry.epoch is not None}
            over = await self._quota.renew_slots(caller.id, caller.limits, epochs)
        except REDIS_ERRORS as failure:
            log.warning("quota_unknown", caller=caller.id, error=str(failure))
            return
        for entry in entries:
            entry.quota_error = _over_quota(("sessions", 0.0)) if entry.id in over else None
