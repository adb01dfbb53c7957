"""Events of calls wait in Redis until they are delivered: in order, once at a time, and within limits."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from backend.streams.session import outbox
from backend.streams.session.outbox import Outbox, OutboxFullError

NOW, LEASE_S = 1_700_000_000.0, 30.0
USERS = Path(__file__).parents[2] / "infra" / "redis" / "users.acl"


@pytest.fixture
def calls(redis: Redis) -> Outbox:
    return Outbox(redis)


async def test_events_of_a_call_are_delivered_in_order_and_by_one_gateway(redis: Redis, calls: Outbox) -> None:
    other = Outbox(redis)
    for event in ("one", "two"):
        await calls.add("a", event, NOW, 60)
    assert list(await calls.claim(NOW, LEASE_S, 10)) == ["a"]
    assert list(await other.claim(NOW, LEASE_S, 10)) == []
    first = await calls.begin("a", NOW, LEASE_S)
    assert first
    assert (first.number, first.event) == (1, "one")
    await calls.settle("a", first, NOW)
    second = await calls.begin("a", NOW, LEASE_S)
    assert second
    assert (second.number, second.event) == (1, "two")
    await calls.settle("a", second, NOW)
    assert await calls.begin("a", NOW, LEASE_S) is None
    assert list(await calls.claim(NOW + 100, LEASE_S, 10)) == []


async def test_another_gateway_continues_after_the_lease_and_knows_that_it_is_a_duplicate(
    redis: Redis, calls: Outbox
) -> None:
    await calls.add("a", "one", NOW, 60)
    await calls.claim(NOW, LEASE_S, 10)
    await calls.begin("a", NOW, LEASE_S)  # and then it is killed
    other = Outbox(redis)
    assert list(await other.claim(NOW + LEASE_S - 1, LEASE_S, 10)) == []
    assert list(await other.claim(NOW + LEASE_S, LEASE_S, 10)) == ["a"]
    again = await other.begin("a", NOW + LEASE_S, LEASE_S)
    assert again
    assert (again.number, again.event) == (2, "one")


async def test_a_call_whose_event_was_refused_waits_although_further_events_arrive(calls: Outbox) -> None:
    await calls.add("a", "one", NOW, 60)
    await calls.claim(NOW, LEASE_S, 10)
    await calls.begin("a", NOW, LEASE_S)
    await calls.postpone("a", NOW, 5)
    await calls.add("a", "two", NOW + 1, 60)
    await calls.add("b", "other", NOW + 1, 60)
    assert list(await calls.claim(NOW + 2, LEASE_S, 10)) == ["b"]
    assert list(await calls.claim(NOW + 5, LEASE_S, 10)) == ["a"]


async def test_a_receiver_that_is_gone_cannot_fill_redis(calls: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_EVENTS", 2)
    monkeypatch.setattr(outbox, "MAX_CALLS", 1)
    for event in ("one", "two"):
        await calls.add("a", event, NOW, 60)
    with pytest.raises(OutboxFullError):
        await calls.add("a", "three", NOW, 60)
    with pytest.raises(OutboxFullError):
        await calls.add("b", "one", NOW, 60)


async def test_events_expire_with_their_time_to_live(redis: Redis, calls: Outbox) -> None:
    await calls.add("a", "one", NOW, 60)
    assert 55 < await redis.ttl("nova:{webhooks}:log:a") <= 61
    await redis.delete("nova:{webhooks}:log:a")
    assert list(await calls.claim(NOW, LEASE_S, 10)) == ["a"]
    assert await calls.begin("a", NOW, LEASE_S) is None
    assert await redis.zcard("nova:{webhooks}:session:due") == 0


async def test_the_redis_user_of_gateways_may_use_the_outbox(redis: Redis) -> None:
    """The user of infra/redis/users.acl, whose rights were not extended for this."""
    text = USERS.read_text().replace("\\\n", " ")
    rules = next(line for line in text.splitlines() if line.startswith("user gateway")).split()[2:]
    rules = [">secret" if rule.startswith("#") else rule for rule in rules]
    await redis.execute_command("ACL", "SETUSER", "outbox-test", *rules)  # type: ignore[no-untyped-call]
    arguments = redis.connection_pool.connection_kwargs
    user = Redis(
        host=arguments["host"], port=arguments["port"], username="outbox-test", password="secret", driver_info=None
    )
    try:
        calls = Outbox(user)
        await calls.add("a", "one", NOW, 60)
        assert list(await calls.claim(NOW, LEASE_S, 10)) == ["a"]
        attempt = await calls.begin("a", NOW, LEASE_S)
        assert attempt
        await calls.postpone("a", NOW, 1)
        await calls.settle("a", attempt, NOW)
        assert await calls.begin("a", NOW, LEASE_S) is None
    finally:
        await user.aclose()
        await redis.execute_command("ACL", "DELUSER", "outbox-test")  # type: ignore[no-untyped-call]
