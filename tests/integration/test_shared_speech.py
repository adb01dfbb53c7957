"""The speech of all gateways is counted together, and sessions that fit only once are admitted once."""

import asyncio
from itertools import chain

import pytest
from redis.asyncio import Redis

from backend.streams.access.shared_speech import SharedSpeech
from backend.streams.names import SPEECH

NEW, LIMIT = 0.7, 2.0  # two sessions fit


@pytest.fixture
def gateways(redis: Redis) -> list[SharedSpeech]:
    return [SharedSpeech(redis, f"gateway-{number}") for number in range(4)]


async def test_two_gateways_that_race_for_the_last_session_admit_one(gateways: list[SharedSpeech]) -> None:
    one, two = gateways[:2]
    for _ in range(50):
        await asyncio.gather(one.report(NEW, {}), two.report(0.0, {}))
        admitted = await asyncio.gather(one.reserve(NEW, NEW, LIMIT, {}), two.reserve(0.0, NEW, LIMIT, {}))
        assert sum(admitted) == 1


async def test_a_burst_at_all_gateways_admits_what_fits(gateways: list[SharedSpeech]) -> None:
    async def burst(gateway: SharedSpeech) -> list[bool]:
        admitted: list[bool] = []
        for _ in range(20):
            admitted.append(await gateway.reserve(NEW * sum(admitted), NEW, LIMIT, {}))
        return admitted

    answers = await asyncio.gather(*(burst(gateway) for gateway in gateways))
    assert sum(chain(*answers)) == 2


async def test_a_session_that_ended_makes_room_at_another_gateway(gateways: list[SharedSpeech]) -> None:
    one, two = gateways[:2]
    assert await one.reserve(1.0, NEW, LIMIT, {})
    assert not await two.reserve(0.0, NEW, LIMIT, {})
    assert await one.report(0.0, {}) == 0.0
    assert await two.reserve(0.0, NEW, LIMIT, {})
    assert await one.report(0.0, {}) == pytest.approx(NEW)


async def test_gateways_of_older_releases_count_by_their_heartbeats(gateways: list[SharedSpeech]) -> None:
    one, two = gateways[:2]
    await two.report(0.5, {})
    heartbeats = {"gateway-1": 9.0, "old": 1.0}
    assert await one.report(0.0, heartbeats) == pytest.approx(1.5)
    assert not await one.reserve(0.0, NEW, LIMIT, heartbeats)


async def test_a_gateway_that_died_no_longer_counts(gateways: list[SharedSpeech], redis: Redis) -> None:
    seconds, _ = await redis.time()
    await redis.hset(SPEECH, "dead", f"5.000:{1000 * seconds - 11_000}")
    assert await gateways[0].report(0.0, {}) == 0.0
    assert not await redis.hexists(SPEECH, "dead")


async def test_without_speech_one_session_is_admitted_to_the_slowest_worker(gateways: list[SharedSpeech]) -> None:
    one, two = gateways[:2]
    assert await one.reserve(0.0, NEW, 0.1, {})
    assert not await two.reserve(0.0, NEW, 0.1, {})


async def test_without_a_limit_every_session_is_admitted(gateways: list[SharedSpeech]) -> None:
    assert all([await gateways[0].reserve(9.0, NEW, 0.0, {}) for _ in range(3)])
