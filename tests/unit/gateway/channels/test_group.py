"""The events of several channels in one stream, in virtual time: order by time, and limits on what waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from backend.messages.channels import ChannelResume
from backend.messages.jobs import ChannelMessage
from backend.messages.protocol import Done, Final, SpeechEnded, SpeechStarted, Stop, TurnEnd
from tests.testkit.streams.memory import MemorySessions
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.channels.stereo import LEFT, START, Sound, connected, places, send, sound
from tests.unit.gateway.connection.memory_gateway import RATE, MemoryClient, MemoryGateway

BY_TIME = START.model_copy(update={"channel_order": "time", "endpoint_ms": 600})
NOTHING = (ChannelResume(), ChannelResume())


def bursts(count: int) -> Sound:
    """As many utterances, and the silence after the last one. They last 1.4 s each, and 0.8 s."""
    return sound(*[(0.9, False), (0.5, True)] * count, (0.8, False))


def speech_during(others: Sound) -> Sound:
    return sound((len(others) / RATE, True))


class SlowLogs(MemorySessions):
    """The log of the first channel is read after that of the second one."""

    async def read_log(self, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
        if session.endswith("-0"):
            await asyncio.sleep(1)
        async for message in super().read_log(session, cursor):
            yield message


def starts(client: MemoryClient) -> list[int]:
    return [event.start_ms for event in client.of(Final)]


@virtual_time
async def test_finals_are_ordered_by_their_start_if_the_client_wants_it() -> None:
    long, short = sound((4, True), (2, False)), sound((1, False), (1, True), (4, False))
    async with connected(BY_TIME) as (_, client):
        await send(client, short, long)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert places(client) == [(1, 1), (0, 1)]
    starts = [event.start_ms for event in client.of(Final)]
    assert starts == sorted(starts)
    ended = next(n for n, event in enumerate(client.events) if isinstance(event, SpeechEnded) and event.channel == 0)
    assert ended < client.events.index(client.of(Final)[0]), "events that are no results do not wait"


@virtual_time
async def test_an_ordered_final_does_not_wait_for_a_silent_channel() -> None:
    async with connected(BY_TIME) as (_, client):
        await send(client, LEFT, sound((4, False)))
        await client.wait_for(lambda: client.of(Final), timeout_s=1)
    assert places(client) == [(0, 1)]


@virtual_time
async def test_results_that_were_held_back_are_delivered_after_a_resume() -> None:
    gateway, start = MemoryGateway(), BY_TIME
    async with gateway.worker():
        async with gateway.connect(start) as client:
            await send(client, sound((0.5, False), (1, True), (1.5, False)), sound((3, True)))
            await asyncio.sleep(1)
            assert gateway.recognized
            assert not client.of(Final), "it waits for the second channel, which spoke first"
        async with gateway.connect(client.resume_message(channels=(ChannelResume(), ChannelResume()))) as again:
            await again.wait_for(lambda: again.events)
            await send(again, sound((5, False)), sound((3, True), (2, False)))
            again.send(Stop())
            await again.wait_for(lambda: again.close_code)
    assert places(again) == [(1, 1), (0, 1)]


@virtual_time
async def test_no_final_is_sent_before_the_logs_of_all_channels_were_read() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(BY_TIME) as client:
        await send(client, sound((1, True), (3, False)), sound((1, False), (1, True), (2, False)))
        assert places(client) == [(0, 1), (1, 1)]
    gateway.services = replace(gateway.services, sessions=SlowLogs(gateway.streams))
    # The client has received nothing, as far as it knows.
    async with gateway.connect(client.resume_message(channels=NOTHING)) as again:
        await again.wait_for(lambda: len(again.of(Final)) == 2)
    assert places(again) == [(0, 1), (1, 1)]


@virtual_time
async def test_a_final_is_sent_when_the_last_log_was_read() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(BY_TIME) as client:
        await send(client, sound((4, False)), LEFT)
        assert places(client) == [(1, 1)]
    gateway.services = replace(gateway.services, sessions=SlowLogs(gateway.streams))
    states = (ChannelResume(audio_from_ms=4_000), ChannelResume())
    async with gateway.connect(client.resume_message(channels=states)) as again:
        await asyncio.sleep(0.5)
        assert not again.of(Final)
        await again.wait_for(lambda: again.of(Final), timeout_s=1)


@virtual_time
async def test_the_end_of_a_turn_does_not_release_finals_that_begin_after_its_own_final() -> None:
    gateway, start = MemoryGateway(), BY_TIME.model_copy(update={"turn_threshold": 0.5})
    async with gateway.connect(start) as client:
        await send(client, sound((3, True), (1, False)), sound((1, False), (1, True), (2, False)))
    async with gateway.connect(client.resume_message(channels=NOTHING)) as again:
        await asyncio.sleep(0.1)
        async with gateway.worker():
            await again.wait_for(lambda: len(again.of(Final)) == 2)
    assert [event.channel for event in again.of(TurnEnd)] == [1, 0], "the second channel was done first"
    assert places(again) == [(0, 1), (1, 1)]


@virtual_time
async def test_audio_is_read_while_an_open_utterance_holds_many_results_back() -> None:
    async with connected(BY_TIME, outbox=10) as (_, client):
        await send(client, speech_during(bursts(14)), bursts(14))
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert client.close_code == 1000
    assert len(places(client)) == 15
    assert starts(client) == sorted(starts(client))


@virtual_time
async def test_results_that_were_held_back_do_not_overflow_the_queue_of_the_client() -> None:
    async with connected(BY_TIME, outbox=10) as (_, client):
        await send(client, speech_during(bursts(9)), bursts(9))
        assert not client.of(Final)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert client.close_code == 1000, "the final of the first channel releases nine others and `done`"
    assert places(client) == [(0, 1), *[(1, number) for number in range(1, 10)]]
    assert isinstance(client.events[-1], Done)


@virtual_time
async def test_no_audio_is_read_while_many_results_wait_for_a_final_in_flight() -> None:
    async with connected(BY_TIME, outbox=10) as (gateway, client):
        await send(client, speech_during(bursts(10)), bursts(10))
        gateway.decode_s = 5.0
        await send(client, sound((2, False)), sound((1, False), (1, True)))
        await client.wait_for(lambda: len(client.of(SpeechStarted)) == 12)
    slow, started = client.of(Final)[0], client.of(SpeechStarted)[-1]
    assert (slow.channel, started.channel) == (0, 1)
    assert client.events.index(slow) < client.events.index(started)


@virtual_time
async def test_a_drain_waits_until_a_slow_client_has_the_results_that_were_held_back() -> None:
    async with connected(BY_TIME, outbox=10) as (gateway, client):
        drain = asyncio.create_task(gateway.services.registry.drain(60))
        await send(client, speech_during(bursts(9)), bursts(9))
        client.read_s = 0.3
        await send(client, sound((1, False)), sound((1, False)))
        await client.wait_for(lambda: client.close_code)
        await drain
    assert client.close_code == 1012
    assert len(client.of(Final)) == 10
