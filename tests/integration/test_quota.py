"""Usage limits of callers, counted over all gateways on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from backend.streams.access import quota as places
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.quota import Quota
from backend.streams.names import quota_slots, quota_used
from gateway.access import quota as gateway_quota
from gateway.access.auth import ANONYMOUS, Caller, RefusedError
from gateway.access.quota import OverQuotaError, QuotaSlots
from gateway.access.registry import SessionRegistry


@pytest.fixture
def quota(redis: Redis) -> Quota:
    return Quota(redis)


async def entered(quota: Quota, limits: QuotaLimits, *sessions: str, new: bool = True) -> list[str]:
    """Take a slot for each session, and return the exhausted limits."""
    return [(await quota.take_slot("ada", limits, session, new=new))[0] for session in sessions]


async def test_concurrent_sessions_are_limited(quota: Quota) -> None:
    limits = QuotaLimits(sessions=2)
    assert await entered(quota, limits, "a", "b", "c") == ["", "", "sessions"]
    await quota.release_slot("ada", "a", 0)
    assert await entered(quota, limits, "c", "d") == ["", "sessions"]


async def test_callers_have_separate_slots(quota: Quota) -> None:
    limits = QuotaLimits(sessions=1)
    assert await entered(quota, limits, "a") == [""]
    assert (await quota.take_slot("bob", limits, "b", new=True))[0] == ""


async def test_a_session_that_moves_to_another_gateway_counts_once(quota: Quota) -> None:
    assert await entered(quota, QuotaLimits(sessions=1), "a", "a", new=False) == ["", ""]


async def test_concurrent_requests_of_many_gateways_never_exceed_the_limit(quota: Quota) -> None:
    answers = await asyncio.gather(
        *(quota.take_slot("ada", QuotaLimits(sessions=5), f"{n}", new=True) for n in range(40))
    )
    assert sum(used_up == "" for used_up, _ in answers) == 5


async def test_the_slots_of_a_dead_gateway_expire(quota: Quota, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = QuotaLimits(sessions=1)
    monkeypatch.setattr(places, "SLOT_TTL_S", 0.2)
    assert await entered(quota, limits, "a", "b") == ["", "sessions"]
    await quota.renew_slots("ada", limits, ["a"], 0)
    await asyncio.sleep(0.25)
    assert await entered(quota, limits, "b") == [""]


async def test_new_sessions_are_limited_by_a_token_bucket(quota: Quota, redis: Redis) -> None:
    limits = QuotaLimits(new_a_minute=3)
    assert await entered(quota, limits, "a", "b", "c", "d") == ["", "", "", "starts"]
    _, after_s = await quota.take_slot("ada", limits, "d", new=True)
    assert 18 < after_s <= 20, "a third of a minute fills the bucket by one"
    assert await entered(quota, limits, "a", new=False) == [""], "what goes on was begun before"
    before = int((await redis.hget(quota_used("ada"), "at")) or 0)
    await redis.hset(quota_used("ada"), "at", str(before - 20_100))
    assert await entered(quota, limits, "d", "e") == ["", "starts"]


async def test_the_daily_minutes_are_limited_and_reset_at_midnight(quota: Quota, redis: Redis) -> None:
    limits = QuotaLimits(minutes_a_day=1)
    assert await quota.renew_slots("ada", limits, ["a"], 59_999) == ("", 0)
    used_up, after_s = await quota.renew_slots("ada", limits, ["a"], 1)
    assert (used_up, 0 < after_s <= 86_400) == ("minutes", True)
    assert await entered(quota, limits, "b") == ["minutes"]
    assert await entered(quota, limits, "a", new=False) == ["minutes"]
    await redis.hincrby(quota_used("ada"), "day", -1)
    assert await entered(quota, limits, "b") == [""]


async def test_all_keys_of_a_caller_expire(quota: Quota, redis: Redis) -> None:
    await entered(quota, QuotaLimits(sessions=9, new_a_minute=9, minutes_a_day=9), "a")
    assert [await redis.ttl(key) > 0 for key in (quota_used("ada"), quota_slots("ada"))] == [True, True]


# --- sessions of a gateway


async def a_caller(redis: Redis, **limits: int) -> Caller:
    key = await ApiKeys(redis).create("ada", ("stream",), QuotaLimits(**limits))
    return Caller(key.split("_")[1], frozenset({"stream"}), QuotaLimits(**limits), has_key=True)


@pytest.fixture
def slots(redis: Redis) -> QuotaSlots:
    return QuotaSlots(Quota(redis), ApiKeys(redis), SessionRegistry())


@pytest.fixture
async def renewing(slots: QuotaSlots, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Slots are renewed every 50 ms."""
    monkeypatch.setattr(gateway_quota, "RENEW_EVERY_S", 0.05)
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(slots.renew_forever())
        yield
        renewing.cancel()


async def test_a_session_holds_its_slot_until_it_ends(redis: Redis, slots: QuotaSlots) -> None:
    caller = await a_caller(redis, sessions=1)
    async with slots.hold_slot(caller, "a", new=True) as entry:
        with pytest.raises(OverQuotaError) as refused:
            async with slots.hold_slot(caller, "b", new=True):
                pass
        assert (refused.value.code, refused.value.close_code) == ("over_quota", 1013)
        assert refused.value.retry_after_s
        entry.audio_ms = 90_000
    usage = await ApiKeys(redis).usage(caller.id)
    assert (usage.sessions, usage.minutes_today) == (0, 1.5)


async def test_audio_is_counted_once(redis: Redis, slots: QuotaSlots, renewing: None) -> None:
    caller = await a_caller(redis, minutes_a_day=2)
    async with AsyncExitStack() as held:
        a, b = [await held.enter_async_context(slots.hold_slot(caller, name, new=True)) for name in "ab"]
        a.audio_ms, b.audio_ms = 30_000, 60_000
        await asyncio.sleep(0.3)
        assert (await ApiKeys(redis).usage(caller.id)).minutes_today == 1.5
        assert a.quota_error is None
        a.audio_ms = 60_000
        await asyncio.sleep(0.3)
        assert isinstance(b.quota_error, OverQuotaError)
        assert b.quota_error.close_code == 1008, "reconnecting at once does not help"


async def test_sessions_of_a_revoked_key_are_closed(redis: Redis, slots: QuotaSlots, renewing: None) -> None:
    caller = await a_caller(redis)
    async with slots.hold_slot(caller, "a", new=True) as entry:
        await asyncio.sleep(0.2)
        assert entry.quota_error is None
        await ApiKeys(redis).revoke(caller.id)
        await asyncio.sleep(0.2)
        assert isinstance(entry.quota_error, RefusedError)


async def test_an_anonymous_session_writes_nothing_to_redis(redis: Redis, slots: QuotaSlots) -> None:
    async with slots.hold_slot(ANONYMOUS, "a", new=True):
        pass
    assert await redis.keys("*") == []
