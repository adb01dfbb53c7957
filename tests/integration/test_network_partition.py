"""A gateway that the network cuts off from Redis loses no final, also when its connections stay open."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from backend.messages.protocol import Message, Notice, Resume
from backend.service.settings import ServiceSettings
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import TakenOverError
from tests.conftest import run_in_thread
from tests.testkit.servers.fault_proxy import FaultProxy
from tests.testkit.streams.jobs import PCM, job
from tests.testkit.streams.live_sessions import busy_sessions
from tests.testkit.streams.on_redis import opened as opened_session
from tests.testkit.system.redis_servers import RedisServers, single

RESUMED_WITHIN_S = 10.0
Direction = Mapping[str, bool]
BOTH: Direction = {}
ONLY_REQUESTS: Direction = {"to_client": False}
ONLY_ANSWERS: Direction = {"to_target": False}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    """A single Redis."""
    with run_in_thread(single(tmp_path_factory.mktemp("redis"))) as up:
        yield up


@pytest.mark.slow
async def test_every_final_is_delivered_once_and_clients_are_notified(alone: RedisServers) -> None:
    """Redis executes requests whose answers are lost, so both directions are also lost alone."""
    async with asyncio.TaskGroup() as tasks:
        for seconds in (2.0, 10.0):
            for lost in (BOTH, ONLY_REQUESTS, ONLY_ANSWERS):
                tasks.create_task(_endure(alone, seconds, lost))


async def _endure(alone: RedisServers, seconds: float, lost: Direction) -> None:
    (server,) = alone.servers
    async with (
        FaultProxy("127.0.0.1", server.port) as proxy,
        busy_sessions(alone, f"redis://127.0.0.1:{proxy.port}/0", 2) as busy,
    ):
        proxy.stall(**lost)
        await asyncio.sleep(seconds)
        proxy.flow()
        took_s = await busy.recovered(time.monotonic())
        # The end of a delay is noticed up to two checks after the first result.
        async with asyncio.timeout(RESUMED_WITHIN_S):
            while any(len(_codes(session.notices)) % 2 for session in busy.sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        print(f"{seconds:.0f} s without {dict(lost) or 'both'}: resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S
    for session in busy.sessions:
        codes = _codes(session.notices)
        assert codes == ["delayed", "delay_over"] * (len(codes) // 2)
        # Writes fail only after the time limit of a socket, so a short loss may pass unnoticed.
        assert codes or seconds < 10


def _codes(events: Sequence[Message]) -> list[str]:
    return [event.code for event in events if isinstance(event, Notice)]


async def test_late_writes_of_a_cut_off_gateway_are_rejected_after_another_one_has_taken_over(
    alone: RedisServers,
) -> None:
    (server,) = alone.servers
    async with FaultProxy("127.0.0.1", server.port) as proxy, client(alone.url) as redis:
        async with client(f"redis://127.0.0.1:{proxy.port}/0") as cut_off:
            lease = await opened_session(cut_off, "late")
            proxy.stall(to_client=False)
            writing = asyncio.create_task(lease.submit_audio(job(1, session="late"), PCM, early=False))
            resumed, _ = await RedisSessions(redis, ServiceSettings(), "other").resume(
                Resume(session="late", token="secret", utterance=0)
            )
            await asyncio.sleep(0.1)  # the request waits in the network
            proxy.flow()
            with pytest.raises(TakenOverError):
                await writing
        streams = RedisJobStreams(redis, ServiceSettings())
        assert await redis.xlen(streams.shard("late").audio("final")) == 0
        await resumed.submit_audio(job(1, session="late", attempt=1001), PCM, early=False)
        assert await redis.xlen(streams.shard("late").audio("final")) == 1


async def test_a_write_whose_answer_is_lost_is_not_sent_again(alone: RedisServers) -> None:
    (server,) = alone.servers
    async with FaultProxy("127.0.0.1", server.port) as proxy, client(alone.url) as redis:
        stream = RedisJobStreams(redis, ServiceSettings()).shard("unanswered").audio("final")
        async with client(f"redis://127.0.0.1:{proxy.port}/0") as cut_off:
            lease = await opened_session(cut_off, "unanswered")
            before, connections = await redis.xlen(stream), proxy.accepted
            proxy.stall(to_target=False)
            writing = asyncio.create_task(lease.submit_audio(job(1, session="unanswered"), PCM, early=False))
            while not writing.done() and proxy.accepted == connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            proxy.flow()  # a second attempt on a new connection would succeed now
            with pytest.raises(REDIS_ERRORS):
                await writing
        assert await redis.xlen(stream) == before + 1
