"""The sessions of this gateway as they count against what their callers may use."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf

import structlog

from backend.errors import ClientError
from backend.streams.access.api_keys import ApiKeys
from backend.streams.access.quota import Quota, QuotaAnswer
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from gateway import metrics
from gateway.access.auth import Caller, RefusedError

EVERY_S = 4.0
"""So often callers' keys are looked at and audio is counted: a third of the time for which places are held."""
RETRY_AFTER_S = 5.0

log = structlog.get_logger()


class OverQuotaError(ClientError):
    """The caller uses all they may. What is free again soon closes by 1013, what is not before tomorrow by 1008."""

    code = "over_quota"


WORDS = {
    "sessions": "this key holds as many sessions as it may",
    "starts": "this key has begun as many sessions as it may within a minute",
    "minutes": "this key has used up its minutes of audio for today; they begin anew at midnight UTC",
}


def _over(answer: QuotaAnswer) -> OverQuotaError | None:
    used_up, after_s = answer
    if not used_up:
        return None
    error = OverQuotaError(WORDS[used_up], close_code=1008 if used_up == "minutes" else 1013)
    if used_up != "minutes":
        error.retry_after_s = after_s or RETRY_AFTER_S
    return error


class QuotaSlot:
    """A session of a caller."""

    def __init__(self, caller: Caller, place: str, longest_s: float = inf) -> None:
        self.caller, self.place = caller, place
        self.over: ClientError | None = None
        """Why the session has to end, when it has to."""
        self._longest_s = longest_s
        self._audio_ms = self._counted = 0

    def go_on(self, audio_ms: int, lasted_s: float) -> None:
        """So much audio has come, in so much time: to be said now and then. Raises why the session has to end."""
        self._audio_ms = audio_ms
        if self.over:
            raise self.over
        if lasted_s > self._longest_s:
            raise ClientError("a session may not last longer; begin another", code="session_too_long")

    def count(self) -> int:
        """Audio that has come since it was counted last, in ms."""
        fresh, self._counted = self._audio_ms - self._counted, self._audio_ms
        return fresh

    def count_again(self, audio_ms: int) -> None:
        """So much of it was not written down."""
        self._counted -= audio_ms


class QuotaSlots:
    """All sessions here. `run` lives as long as the process. Callers that nobody needs to know are not counted."""

    def __init__(self, quota: Quota, keys: ApiKeys, longest_s: float = inf) -> None:
        self._quota, self._keys, self._longest_s = quota, keys, longest_s
        self._visits: set[QuotaSlot] = set()

    @asynccontextmanager
    async def visit(self, caller: Caller, session: str, *, new: bool) -> AsyncIterator[QuotaSlot]:
        """While a session is held. Raises OverQuotaError, and TROUBLE when Redis does not answer."""
        visit = QuotaSlot(caller, session, self._longest_s)
        if not caller.id:
            yield visit
            return
        if error := _over(
            await retry_until_available(lambda: self._quota.take_slot(caller.id, caller.limits, session, new=new))
        ):
            metrics.REJECTED.labels("quota").inc()
            raise error
        self._visits.add(visit)
        try:
            yield visit
        finally:
            self._visits.discard(visit)
            with suppress(*REDIS_ERRORS):  # then the place is given up by itself
                await self._quota.release_slot(caller.id, session, visit.count())

    async def run(self) -> None:
        """Keep the places, count the audio, and end the sessions of keys that are gone."""
        while True:
            await asyncio.sleep(EVERY_S)
            of: defaultdict[Caller, list[QuotaSlot]] = defaultdict(list)
            for visit in self._visits:
                of[visit.caller].append(visit)
            for caller, visits in of.items():
                try:
                    over = await self._look(caller, visits)
                except REDIS_ERRORS as error:
                    log.warning("quota_unknown", caller=caller.id, error=str(error))
                    continue
                for visit in visits:
                    visit.over = over

    async def _look(self, caller: Caller, visits: Sequence[QuotaSlot]) -> ClientError | None:
        if caller.has_key and not await self._keys.exists(caller.id):
            return RefusedError("the key has been revoked or has expired")
        fresh = {visit: visit.count() for visit in visits}
        places = [visit.place for visit in visits]
        try:
            return _over(await self._quota.renew_slots(caller.id, caller.limits, places, sum(fresh.values())))
        except REDIS_ERRORS:
            for visit, audio_ms in fresh.items():
                visit.count_again(audio_ms)
            raise
