"""Whole connections with streams in memory and in virtual time: from the handshake to the close code."""

import asyncio
import random
from contextlib import AsyncExitStack
from functools import partial

import pytest

from backend.messages.protocol import (
    Configure,
    Done,
    Draining,
    Error,
    Final,
    Finalize,
    Notice,
    Ready,
    Resume,
    Start,
    Stop,
)
from backend.messages.served_languages import ServedLanguages
from gateway.connection.connection import TICK_S
from gateway.connection.handshake import serve_websocket
from gateway.connection.transport import SEND_TIMEOUT_S
from gateway.session.timers import CATCH_UP_S
from tests.testkit.streams.memory import MemoryStreams
from tests.testkit.streams.virtual_time import loop_clock, virtual_time
from tests.unit.gateway.connection.memory_gateway import NOISE, MemoryClient, MemoryGateway


@virtual_time
async def test_speech_becomes_a_final_and_stop_ends_the_session() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        await client.speak()
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert [event.text for event in client.of(Final)] == ["utterance 1"]
    assert isinstance(client.events[-1], Done)
    assert client.close_code == 1000


@virtual_time
async def test_a_result_that_the_channel_lost_is_read_from_the_log() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client:
        await client.speak()
        gateway.streams.listeners.clear()
        async with gateway.worker():
            committed_at = asyncio.get_running_loop().time()
            await client.wait_for(lambda: client.of(Final))
        assert asyncio.get_running_loop().time() - committed_at <= CATCH_UP_S + 1


@virtual_time
async def test_jobs_that_redis_lost_are_submitted_again() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client:
        await client.speak()
        gateway.streams.lose_everything()
        async with gateway.worker():
            await client.wait_for(lambda: client.of(Final))
    assert [event.utterance for event in client.of(Final)] == [1]


@virtual_time
async def test_the_session_of_a_client_that_left_without_a_close_frame_is_released_at_once() -> None:
    gateway, client = MemoryGateway(), MemoryClient()
    serving = asyncio.create_task(serve_websocket(client.websocket(), gateway.services))
    client.send(Start())
    await client.wait_for(lambda: client.of(Ready))
    client.limits.is_lost = True  # its disconnect event is behind data that waits for its turn
    async with asyncio.timeout(2 * TICK_S):
        await serving
    assert len(gateway.services.registry) == 0


@virtual_time
async def test_a_recording_is_read_on_when_the_text_before_a_cut_is_known() -> None:
    gateway = MemoryGateway(max_utterance_ms=5_000)
    gateway.decode_s = 0.5
    async with gateway.worker(), gateway.connect(Start(language="en", partials=False)) as client:
        for _ in range(12 * 10):
            client.send(NOISE[:1_600].tobytes())
        client.send(Stop())
        await client.wait_for(lambda: client.of(Done))
    contexts = [job.context for job in gateway.recognized]
    assert contexts == ["", "utterance 1", "utterance 1 utterance 2"]


@virtual_time
async def test_a_short_outage_loses_no_result() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        with gateway.streams.outage():
            await client.speak(2)
        await client.wait_for(lambda: client.of(Final))
    assert [event.utterance for event in client.of(Final)] == [1]


@virtual_time
async def test_a_resume_takes_the_session_over_and_delivers_its_results() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as first:
        await first.speak()
        async with MemoryGateway(gateway.streams).connect(first.resume_message()) as second, gateway.worker():
            await first.wait_for(lambda: first.close_code)
            await second.wait_for(lambda: second.of(Final))
    assert first.close_code == 4001
    assert first.of(Error)[-1].code == "taken_over"
    assert second.ready.session == first.ready.session
    assert second.ready.audio_from_ms > 0, "Redis has the audio of the closed utterance"


@virtual_time
async def test_a_resumed_recording_counts_towards_the_limit_of_recordings() -> None:
    first, start = MemoryGateway(), Start(priority="recording")
    async with first.connect(start) as client:
        await client.wait_for(lambda: client.of(Ready))
    gateway = MemoryGateway(first.streams, max_recordings=1)
    async with gateway.connect(client.resume_message()) as resumed:
        await resumed.wait_for(lambda: resumed.of(Ready))
        async with gateway.connect(start) as refused:
            await refused.wait_for(lambda: refused.close_code)
    assert [error.code for error in refused.of(Error)] == ["overloaded"]


@virtual_time
async def test_resumed_recordings_do_not_exceed_the_limit_of_recordings() -> None:
    streams, start, limit = MemoryStreams(loop_clock()), Start(priority="recording"), 3
    # A client that opens and leaves recordings could otherwise resume all of them at once.
    left = [await opened(MemoryGateway(streams), start) for _ in range(9)]
    gateway = MemoryGateway(streams, max_recordings=limit)
    async with AsyncExitStack() as stack:
        firsts: list[Start | Resume] = [*(client.resume_message() for client in left), *[start] * len(left)]
        random.Random(1).shuffle(firsts)
        clients = [await stack.enter_async_context(gateway.connect(first)) for first in firsts]
        for client in clients:
            await client.wait_for(partial(answered, client))
        assert sum(bool(client.of(Ready)) for client in clients) == gateway.services.registry.recordings == limit
        refused = [client for client in clients if client.close_code]
        assert {(client.close_code, client.of(Error)[-1].code) for client in refused} == {(1013, "overloaded")}
        assert len(refused) == len(clients) - limit
    assert len(gateway.services.registry) == 0
    for client in left[-limit:]:
        await opened(gateway, client.resume_message())


def answered(client: MemoryClient) -> bool:
    return bool(client.of(Ready) or client.close_code)


async def opened(gateway: MemoryGateway, first: Start | Resume) -> MemoryClient:
    """A client that has left after `ready`."""
    async with gateway.connect(first) as client:
        await client.wait_for(lambda: client.of(Ready))
    return client


@virtual_time
async def test_a_recording_is_taken_over_by_its_client_at_a_full_gateway() -> None:
    gateway = MemoryGateway(max_recordings=1)
    async with gateway.connect(Start(priority="recording")) as first:
        await first.wait_for(lambda: first.of(Ready))
        async with gateway.connect(first.resume_message()) as second:
            await second.wait_for(lambda: second.of(Ready))
            await first.wait_for(lambda: first.close_code)
            assert gateway.services.registry.recordings == 1
    assert first.close_code == 4001


@virtual_time
async def test_a_live_session_is_resumed_at_a_gateway_that_is_full_of_recordings() -> None:
    gateway = MemoryGateway(max_recordings=1)
    live = await opened(gateway, Start())
    async with gateway.connect(Start(priority="recording")) as recording:
        await recording.wait_for(lambda: recording.of(Ready))
        await opened(gateway, live.resume_message())


@virtual_time
async def test_a_resume_with_a_wrong_token_is_refused() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as first:
        await first.wait_for(lambda: first.events)
        async with gateway.connect(Resume(session=first.ready.session, token="wrong")) as second:
            await second.wait_for(lambda: second.close_code)
    assert second.of(Error)[-1].code == "unknown_session"


@virtual_time
async def test_a_client_that_does_not_read_is_disconnected() -> None:
    gateway = MemoryGateway(outbox=10)
    async with gateway.worker(), gateway.connect(Start()) as client:
        await client.wait_for(lambda: client.events)
        client.reads = False
        for _ in range(20):
            await client.speak(1)
            client.send(Finalize())
        await client.wait_for(lambda: client.close_code, timeout_s=SEND_TIMEOUT_S + 1)
        assert len(gateway.services.registry) == 0


@virtual_time
async def test_a_draining_gateway_closes_idle_sessions_and_refuses_new_ones() -> None:
    gateway = MemoryGateway(drain_s=20)
    async with gateway.connect(Start()) as client, asyncio.TaskGroup() as tasks:
        await client.wait_for(lambda: client.events)
        draining = tasks.create_task(gateway.services.registry.drain(20))
        await client.wait_for(lambda: client.close_code)
        async with gateway.connect(Start()) as late:
            await late.wait_for(lambda: late.close_code)
        client.leave()
        await draining
    assert isinstance(client.events[-1], Draining)
    assert (client.close_code, late.close_code) == (1012, 1012)
    assert late.of(Error)[-1].code == "draining"


@virtual_time
async def test_at_the_end_of_the_drain_time_busy_sessions_close() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client, asyncio.TaskGroup() as tasks:
        await client.speak()
        started_at = asyncio.get_running_loop().time()
        tasks.create_task(gateway.services.registry.drain(20))
        await client.wait_for(lambda: client.close_code)
        client.leave()
    assert 20 <= asyncio.get_running_loop().time() - started_at < 21
    assert client.close_code == 1012


@virtual_time
async def test_results_that_are_overdue_after_stop_end_the_session() -> None:
    gateway = MemoryGateway(stop_wait_s=30)
    async with gateway.connect(Start()) as client:
        await client.speak()
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert client.of(Error)[-1].code == "overdue"
    assert not client.of(Done)


@virtual_time
async def test_a_dead_microphone_and_then_quiet_speech_are_reported() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client:
        for frame in [bytes(3_200)] * 110 + [(NOISE[:1_600] // 50).tobytes()] * 10:
            client.send(frame)
            await asyncio.sleep(0.1)
    assert [notice.code for notice in client.of(Notice)] == ["no_sound", "level_normal", "low_level"]


@virtual_time
async def test_a_silent_client_is_disconnected_after_the_idle_timeout() -> None:
    async with MemoryGateway(idle_timeout_s=30).connect(Start()) as client:
        await client.wait_for(lambda: client.close_code)
    assert (client.of(Error)[-1].code, client.close_code) == ("idle_timeout", 1008)


@virtual_time
async def test_an_error_that_is_not_fatal_leaves_the_session_open() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        client.send(Configure(language="tlh"))
        await client.speak()
        await client.wait_for(lambda: client.of(Final) or client.close_code)
    assert [(error.code, error.fatal) for error in client.of(Error)] == [("unsupported_language", False)]
    assert client.of(Final)


@virtual_time
async def test_a_language_that_no_worker_recognizes_is_refused_with_the_served_ones() -> None:
    gateway = MemoryGateway()
    gateway.services.admission.served = ServedLanguages(speech=frozenset({"en"}))
    async with gateway.connect(Start(language="zh")) as client:
        await client.wait_for(lambda: client.close_code)
    error = client.of(Error)[-1]
    assert (error.code, error.fatal, client.close_code) == ("unsupported_language", True, 1008)
    assert "Chinese" in error.message
    assert "served are: en" in error.message


@virtual_time
async def test_configure_is_written_to_redis_at_once() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client:
        client.send(Configure(endpoint_ms=1_000))
        await asyncio.sleep(0.1)
        record = gateway.streams.sessions[client.ready.session].record
    assert record is not None
    assert record.start.endpoint_ms == 1_000


@virtual_time
async def test_a_gateway_holds_at_most_its_maximum_of_sessions() -> None:
    gateway = MemoryGateway(max_sessions=1)
    async with gateway.connect(Start()) as first:
        await first.wait_for(lambda: first.events)
        async with gateway.connect(Start()) as second:
            await second.wait_for(lambda: second.close_code)
    assert (second.of(Error)[-1].code, second.close_code) == ("overloaded", 1013)
    assert second.of(Error)[-1].retry_after_s == pytest.approx(5)
    assert len(gateway.services.registry) == 0


@virtual_time
async def test_resumed_sessions_count_and_a_session_that_is_taken_over_counts_once() -> None:
    gateway = MemoryGateway(max_sessions=1)
    async with gateway.connect(Start()) as left:
        await left.wait_for(lambda: left.of(Ready))
    async with gateway.connect(Start()) as first:
        await first.wait_for(lambda: first.of(Ready))
        async with gateway.connect(left.resume_message()) as refused:
            await refused.wait_for(lambda: refused.close_code)
        async with gateway.connect(first.resume_message()) as second:
            await second.wait_for(lambda: second.of(Ready))
    assert (refused.of(Error)[-1].code, refused.close_code) == ("overloaded", 1013)
    assert len(gateway.services.registry) == 0
