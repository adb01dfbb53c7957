"""Usage limits of callers, counted over all gateways on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from backend.streams.access import quota as places
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.quota import Quota
from backend.streams.names import quota_owners, quota_slots, quota_used
from gateway.access import quota as gateway_quota
from gateway.access.auth import ANONYMOUS, Caller, RefusedError
from gateway.access.quota import OverQuotaError, QuotaSlots
from gateway.access.registry import OpenSession, SessionRegistry
from tests.testkit.streams.on_redis import eventually


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
    assert await quota.renew_slots("ada", limits, {"a": 0}) == set()
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
    assert await quota.reserve_audio("ada", limits, 59_000) == (59_000, ("", 0.0))
    assert await quota.reserve_audio("ada", limits, 2_000) == (1_000, ("", 0.0)), "the rest"
    reserved_ms, (exhausted, after_s) = await quota.reserve_audio("ada", limits, 1)
    assert (reserved_ms, exhausted, 0 < after_s <= 86_400) == (0, "minutes", True)
    assert await entered(quota, limits, "b") == ["minutes"]
    assert await entered(quota, limits, "a", new=False) == ["minutes"]
    await redis.hincrby(quota_used("ada"), "day", -1)
    assert await entered(quota, limits, "b") == [""]


async def test_all_keys_of_a_caller_expire(quota: Quota, redis: Redis) -> None:
    await entered(quota, QuotaLimits(sessions=9, new_a_minute=9, minutes_a_day=9), "a")
    assert [await redis.ttl(key) > 0 for key in (quota_used("ada"), quota_slots("ada"), quota_owners("ada"))] == [
        True
    ] * 3


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


@asynccontextmanager
async def held(slots: QuotaSlots, caller: Caller, session: str, epoch: int = 0) -> AsyncIterator[OpenSession]:
    """A registered session with a slot."""
    entry = OpenSession(session, caller)
    with slots._registry.registered(entry):
        async with slots.hold_slot(entry, epoch, new=epoch == 0):
            yield entry


async def must_end(entry: OpenSession) -> None:
    async def has_error() -> bool:
        return entry.quota_error is not None

    await eventually(has_error)


async def minutes(redis: Redis, caller: Caller) -> float:
    return (await ApiKeys(redis).usage(caller.id)).minutes_today


async def test_a_session_holds_its_slot_until_it_ends(redis: Redis, slots: QuotaSlots) -> None:
    caller = await a_caller(redis, sessions=1)
    async with held(slots, caller, "a") as entry:
        with pytest.raises(OverQuotaError) as refused:
            async with held(slots, caller, "b"):
                pass
        assert (refused.value.code, refused.value.close_code) == ("over_quota", 1013)
        assert refused.value.retry_after_s
        await slots.use_audio(entry, 90_000)
    usage = await ApiKeys(redis).usage(caller.id)
    assert (usage.sessions, usage.minutes_today) == (0, 1.5)


async def test_short_connections_are_counted_exactly(redis: Redis, slots: QuotaSlots) -> None:
    caller = await a_caller(redis, minutes_a_day=10)
    for epoch in range(30):
        async with held(slots, caller, "a", epoch) as entry:
            await slots.use_audio(entry, 3_000)
            assert await minutes(redis, caller) >= (epoch + 1) * 0.05, "before the audio is processed"
    assert await minutes(redis, caller) == 1.5


async def test_no_more_audio_is_used_than_the_limit(redis: Redis, slots: QuotaSlots) -> None:
    caller, used_ms = await a_caller(redis, minutes_a_day=1), 0
    async with held(slots, caller, "a") as a, held(slots, caller, "b") as b:
        for entry in [a, b] * 100:
            try:
                await slots.use_audio(entry, 700)
            except OverQuotaError as refused:
                assert refused.close_code == 1008, "reconnecting at once does not help"
                break
            used_ms += 700
    assert 60_000 - gateway_quota.RESERVE_MS <= used_ms <= 60_000
    assert await minutes(redis, caller) == used_ms / 60_000


async def test_a_chunk_that_is_longer_than_the_rest_is_refused(redis: Redis, slots: QuotaSlots) -> None:
    caller = await a_caller(redis, minutes_a_day=1)
    async with held(slots, caller, "a") as entry:
        with pytest.raises(OverQuotaError):
            await slots.use_audio(entry, 5_990_000)
        await slots.use_audio(entry, 60_000)
    assert await minutes(redis, caller) == 1.0


async def test_the_older_connection_does_not_free_the_slot_of_a_resumed_session(
    redis: Redis, slots: QuotaSlots
) -> None:
    caller = await a_caller(redis, sessions=1)
    async with AsyncExitStack() as newer:
        async with held(slots, caller, "a"):
            await newer.enter_async_context(held(slots, caller, "a", epoch=1))
        with pytest.raises(OverQuotaError):
            async with held(slots, caller, "b"):
                pass


async def test_sessions_beyond_the_limit_end_at_the_next_renewal(
    redis: Redis, slots: QuotaSlots, renewing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that was frozen for longer than the TTL of its slots holds a session whose place was taken."""
    caller = await a_caller(redis, sessions=1)
    async with held(slots, caller, "a") as a:
        await redis.delete(quota_slots(caller.id))
        async with held(slots, caller, "b") as b:
            await must_end(a)
            assert isinstance(a.quota_error, OverQuotaError)
            assert b.quota_error is None


async def test_sessions_of_a_revoked_key_are_closed(redis: Redis, slots: QuotaSlots, renewing: None) -> None:
    caller = await a_caller(redis)
    async with held(slots, caller, "a") as entry:
        await asyncio.sleep(0.2)
        assert entry.quota_error is None
        await ApiKeys(redis).revoke(caller.id)
        await must_end(entry)
        assert isinstance(entry.quota_error, RefusedError)


async def test_an_anonymous_session_writes_nothing_to_redis(redis: Redis, slots: QuotaSlots) -> None:
    async with held(slots, ANONYMOUS, "a") as entry:
        await slots.use_audio(entry, 60_000)
    assert await redis.keys("*") == []
