"""Whole connections with two channels, in virtual time: one session for each channel, one stream of events."""

import asyncio

import numpy as np
import pytest

from backend.messages.channels import ChannelResume
from backend.messages.protocol import (
    AudioFormat,
    Clear,
    Configure,
    Done,
    Draining,
    Error,
    Final,
    Finalize,
    Keepalive,
    Ready,
    Resume,
    SpeechStarted,
    Stop,
)
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.channels.stereo import LEFT, RIGHT, START, connected, places, send, sound
from tests.unit.gateway.connection.memory_gateway import NOISE, RATE, MemoryGateway


@virtual_time
async def test_each_channel_has_utterances_of_its_own() -> None:
    async with connected() as (gateway, client):
        await send(client, LEFT, RIGHT)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert places(client) == [(0, 1), (1, 1)]
    left, right = client.of(Final)
    assert left.start_ms == 0
    assert right.start_ms == pytest.approx(1_200, abs=150), "the pre-roll is 300 ms"
    assert isinstance(client.events[-1], Done)
    assert client.close_code == 1000
    assert len(client.of(Done)) == len(client.of(Ready)) == 1
    assert [job.session.rpartition("-")[2] for job in gateway.recognized] == ["0", "1"]


@virtual_time
async def test_a_loud_channel_is_not_part_of_the_others_audio() -> None:
    async with connected() as (_, client):
        await send(client, LEFT, sound((4, False)))
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert places(client) == [(0, 1)]
    assert {event.channel for event in client.of(SpeechStarted)} == {0}


@virtual_time
async def test_the_ready_event_has_all_channels() -> None:
    async with connected(START.model_copy(update={"correlation_id": "c7"})) as (gateway, client):
        ready = client.ready
        assert ready.channels is not None
        assert len(ready.channels) == 2
        assert (ready.correlation_id, ready.audio_from_ms, bool(ready.resume_token)) == ("c7", 0, True)
        assert len(gateway.services.registry) == 2, "each channel is a session for limits and quotas"


@virtual_time
async def test_messages_apply_to_all_channels() -> None:
    async with connected(START.model_copy(update={"endpointing": False})) as (_, client):
        await send(client, sound((1, True)), sound((1, True)))
        client.send(Finalize())
        await client.wait_for(lambda: len(client.of(Final)) == 2)
        await send(client, sound((1, True)), sound((1, True)))
        client.send(Clear())
        client.send(Keepalive())
        client.send(Configure(endpointing=True))
        await send(client, LEFT, LEFT)
        await client.wait_for(lambda: len(client.of(Final)) == 4)
    assert sorted(places(client)) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    second = [event for event in client.of(Final) if event.utterance == 2]
    assert all(event.start_ms >= 1_900 for event in second), "the cleared second is in no final"


@virtual_time
async def test_a_mistake_is_reported_once() -> None:
    async with connected() as (_, client):
        client.send(Configure(language="klingon"))
        client.send_frame('{"type": "sing"}')
        await client.wait_for(lambda: len(client.of(Error)) == 2)
        await asyncio.sleep(1)
    codes = [(event.code, event.fatal) for event in client.of(Error)]
    assert codes == [("unsupported_language", False), ("unknown_type", False)]


@virtual_time
async def test_a_connection_without_frames_is_closed() -> None:
    async with connected(idle_timeout_s=20) as (_, client):
        await client.wait_for(lambda: client.close_code)
    assert (client.close_code, [event.code for event in client.of(Error)]) == (1008, ["idle_timeout"])


@virtual_time
async def test_finals_arrive_as_they_are_known() -> None:
    """The second channel speaks first, and for longer."""
    long, short = sound((4, True), (2, False)), sound((1, False), (1, True), (4, False))
    async with connected() as (_, client):
        await send(client, short, long)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert places(client) == [(0, 1), (1, 1)]


@virtual_time
async def test_a_channel_that_waits_for_the_other_one_is_not_cut() -> None:
    """The gateway reads nothing while the finals of one channel are overdue. The other one's speaker continues."""
    gateway = MemoryGateway(max_backlog=1)
    gateway.decode_s = 6.0
    bursts = sound(*[(0.5, True), (0.9, False)] * 4)
    async with gateway.worker(), gateway.connect(START) as client:
        await send(client, bursts, np.resize(NOISE, len(bursts)))
        client.send(Stop())
        await client.wait_for(lambda: client.close_code, timeout_s=200)
    assert len([event for event in client.of(Final) if event.channel == 0]) == 4
    assert len([event for event in client.of(Final) if event.channel == 1]) == 1


@virtual_time
async def test_too_many_channels_are_refused() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(START.model_copy(update={"audio": AudioFormat(channels=9)})) as client:
        await client.wait_for(lambda: client.close_code)
    assert (client.close_code, [event.code for event in client.of(Error)]) == (1003, ["unsupported_channels"])


@virtual_time
async def test_all_channels_or_none_are_admitted() -> None:
    gateway = MemoryGateway(max_sessions=1)
    async with gateway.connect(START) as client:
        await client.wait_for(lambda: client.close_code)
        assert (client.close_code, [event.code for event in client.of(Error)]) == (1013, ["overloaded"])
        assert not client.of(Ready)
    assert len(gateway.services.registry) == 0


@virtual_time
async def test_a_drain_waits_until_all_channels_are_idle() -> None:
    async with connected() as (gateway, client):
        drain = asyncio.create_task(gateway.services.registry.drain(60))
        await send(client, sound((1, True), (1, False)), sound((3, True))[: 2 * RATE])
        assert client.close_code is None, "the second channel speaks"
        await send(client, sound((2, False)), sound((2, False)))
        await client.wait_for(lambda: client.close_code)
        await drain
    assert client.close_code == 1012
    assert len(client.of(Draining)) == 1
    assert sorted(places(client)) == [(0, 1), (1, 1)]


@virtual_time
async def test_a_resumed_connection_continues_each_channel_where_it_was() -> None:
    gateway = MemoryGateway()
    async with gateway.worker():
        async with gateway.connect(START) as client:
            # The first channel has a final; the second one speaks when the connection is lost.
            await send(client, sound((1, True), (1, False)), sound((1, False), (1, True)))
            await client.wait_for(lambda: client.of(Final))
        before = client.of(Final)[0]
        states = (ChannelResume(cursor=before.cursor, utterance=1), ChannelResume())
        async with gateway.connect(client.resume_message(channels=states)) as again:
            await again.wait_for(lambda: again.events)
            ready = again.ready
            assert ready.session == client.ready.session
            assert ready.channels is not None
            positions = [channel.audio_from_ms for channel in ready.channels]
            assert ready.audio_from_ms == min(positions) == positions[1] < positions[0]
            from_sample = ready.audio_from_ms * RATE // 1000
            left, right = sound((1, True), (3, False)), sound((1, False), (1, True), (2, False))
            await send(again, left[from_sample:], right[from_sample:])
            again.send(Stop())
            await again.wait_for(lambda: again.close_code)
    assert places(again) == [(1, 1)], "the first channel ignores the audio that it has received before"
    final = again.of(Final)[0]
    assert (final.start_ms, final.end_ms) == (pytest.approx(700, abs=150), pytest.approx(2_100, abs=700))


@virtual_time
async def test_a_resume_with_another_number_of_channels_is_refused() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(START) as client:
        await client.wait_for(lambda: client.events)
    async with gateway.connect(client.resume_message(channels=(ChannelResume(),))) as again:
        await again.wait_for(lambda: again.close_code)
    assert [event.code for event in again.of(Error)] == ["invalid_message"]


@virtual_time
@pytest.mark.parametrize("length", [62, 63, 64])
async def test_a_resume_of_an_unknown_session_is_refused_whatever_its_id(length: int) -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Resume(session="s" * length, token="t", channels=(ChannelResume(),))) as client:
        await client.wait_for(lambda: client.close_code)
    assert [event.code for event in client.of(Error)] == ["unknown_session"]
