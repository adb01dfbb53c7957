"""Two gateways that ask for the last free place at the same instant: one of them gets it."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.errors import ClientError
from backend.messages.protocol import Start
from backend.service.settings import ServiceSettings
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.quota import SLOT_TTL_S, Quota
from backend.streams.names import SPEECH
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from gateway.access.admission import Admission, OverloadedError
from gateway.access.auth import ANONYMOUS, Caller
from gateway.access.quota import OverQuotaError, QuotaSlots
from gateway.access.registry import OpenSession, SessionRegistry
from gateway.settings import GatewaySettings

ROUNDS = 200
# A worker that decodes 2.5 seconds of speech per second. 65 % of that may be used: two sessions of 0.7 each fit.
WORKER = {"kind": "stt", "real_time_factor": 0.4}
ADA = Caller("ada", frozenset({"stream"}), QuotaLimits(sessions=2))
# The time after which admission.lua counts a silent gateway as dead.
STALE_S = 10.0


class Gateway:
    """The admission and the quotas of one gateway, with a Redis client of its own."""

    def __init__(self, redis: Redis, name: str) -> None:
        settings, self.name = GatewaySettings(), name
        self.registry = SessionRegistry()
        self.admission = Admission(settings, RedisJobStreams(redis, settings), self.registry, name)
        self.admission._measure_workers([WORKER])
        self.slots = QuotaSlots(Quota(redis), ApiKeys(redis), self.registry)

    async def admit(self, session: str, places: AsyncExitStack) -> None:
        """Take a part of the workers' capacity until `places` is closed. Raises OverloadedError."""
        await places.enter_async_context(self.admission.admit(Start(), OpenSession(session, ANONYMOUS)))

    async def hold_slot(self, session: str, places: AsyncExitStack) -> None:
        """Take a slot of Ada's quota until `places` is closed. Raises OverQuotaError."""
        await places.enter_async_context(self.slots.hold_slot(OpenSession(session, ADA), epoch=0, new=True))


@pytest.fixture
async def gateways(redis: Redis, redis_url: str) -> AsyncIterator[list[Gateway]]:
    async with aclosing(connect(ServiceSettings(REDIS_URL=redis_url))) as other:
        yield [Gateway(redis, "gateway-1"), Gateway(other, "gateway-2")]


async def outcome(attempt: Awaitable[None]) -> str:
    """Return the code of the error, or "" if the session got the place."""
    try:
        await attempt
    except ClientError as error:
        return error.code
    return ""


async def race(gateways: list[Gateway], places: AsyncExitStack, number: int, enter: str) -> list[str]:
    """Both gateways ask at the same instant. The first one to send alternates."""
    order = gateways if number % 2 else gateways[::-1]
    return list(await asyncio.gather(*(outcome(getattr(one, enter)(one.name, places)) for one in order)))


async def test_one_of_two_gateways_gets_the_last_slot_of_a_key(gateways: list[Gateway], redis: Redis) -> None:
    winners: set[int] = set()
    for number in range(ROUNDS):
        async with AsyncExitStack() as places:
            await gateways[number // 2 % 2].hold_slot("before", places)
            outcomes = await race(gateways, places, number, "hold_slot")
            assert sorted(outcomes) == ["", OverQuotaError.code]
            assert (await ApiKeys(redis).usage("ada")).sessions == 2
        assert (await ApiKeys(redis).usage("ada")).sessions == 0, "the places are free again"
        winners.add((outcomes.index("") + number) % 2)
    assert winners == {0, 1}, "each gateway wins some rounds"


async def test_one_of_two_gateways_gets_the_last_place_of_the_capacity(gateways: list[Gateway], redis: Redis) -> None:
    winners: set[int] = set()
    for number in range(ROUNDS):
        async with AsyncExitStack() as places:
            await gateways[number // 2 % 2].admit("before", places)
            outcomes = await race(gateways, places, number, "admit")
            assert sorted(outcomes) == ["", OverloadedError.code]
            assert sum(len(gateway.registry) for gateway in gateways) == 2
            written: Any = await redis.hvals(SPEECH)
            assert sum(float(speech.split(b":")[0]) for speech in written) == pytest.approx(1.4, abs=0.05)
        for gateway in gateways:
            await gateway.admission._report_speech()
        winners.add((outcomes.index("") + number) % 2)
    assert winners == {0, 1}, "each gateway wins some rounds"


async def test_a_burst_at_two_gateways_takes_both_kinds_of_places_exactly(gateways: list[Gateway]) -> None:
    for number in range(ROUNDS // 10):
        async with AsyncExitStack() as places:
            sessions = [(gateway, f"{gateway.name}-{n}") for n in range(10) for gateway in gateways]
            slots = await asyncio.gather(*(outcome(one.hold_slot(session, places)) for one, session in sessions))
            admitted = await asyncio.gather(*(outcome(one.admit(session, places)) for one, session in sessions))
            assert (slots.count(""), admitted.count("")) == (2, 2), f"round {number}"
        for gateway in gateways:
            await gateway.admission._report_speech()


# --- a gateway that is killed between the reservation and its use


async def hold_last_places(redis_url: str) -> None:
    """Reserve the last places, report it, and never use them. Run by a process that is killed."""
    async with aclosing(connect(ServiceSettings(REDIS_URL=redis_url))) as redis, AsyncExitStack() as places:
        gateway = Gateway(redis, "killed")
        for session in ("first", "second"):
            await gateway.admit(session, places)
            await gateway.hold_slot(session, places)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


HOLDER = f"import asyncio, sys; from {__name__} import hold_last_places; asyncio.run(hold_last_places(sys.argv[1]))"


@pytest.mark.slow
async def test_the_places_of_a_killed_gateway_are_free_again(gateways: list[Gateway], redis_url: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, redis_url, stdout=PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"held\n"
    finally:
        process.kill()
        await process.wait()
    killed_at = time.monotonic()
    async with AsyncExitStack() as places:

        async def waited_for(enter: Callable[[str, AsyncExitStack], Awaitable[None]]) -> float:
            attempts = 0
            while await outcome(enter(f"session-{attempts}", places)):
                attempts += 1
                await asyncio.sleep(0.2)
            return time.monotonic() - killed_at

        async with asyncio.timeout(SLOT_TTL_S + 10):
            slot_s, admitted_s = await asyncio.gather(waited_for(gateways[0].hold_slot), waited_for(gateways[1].admit))
        print(f"slot free after {slot_s:.1f} s, capacity after {admitted_s:.1f} s")
        assert SLOT_TTL_S - 2 < slot_s < SLOT_TTL_S + 2
        assert STALE_S - 2 < admitted_s < STALE_S + 2
        # The second place was reserved a moment after the first.
        async with asyncio.timeout(2):
            await asyncio.gather(waited_for(gateways[1].hold_slot), waited_for(gateways[0].admit))
        assert await outcome(gateways[1].hold_slot("too many", places)) == OverQuotaError.code
        assert await outcome(gateways[0].admit("too many", places)) == OverloadedError.code
