"""Clients that send no audio in pauses, on whole connections in virtual time."""

import asyncio

from backend.messages.protocol import Done, Final, Keepalive, SpeechEnded, SpeechStarted, Start, Stop
from gateway.audio.arrivals import STALL_S
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import FRAME_S, NOISE, RATE, MemoryClient, MemoryGateway

FRAME = NOISE[: round(FRAME_S * RATE)].tobytes()


async def speak_without_silence(client: MemoryClient, seconds: float) -> None:
    for _ in range(round(seconds / FRAME_S)):
        client.send(FRAME)
        await asyncio.sleep(FRAME_S)


async def mute(client: MemoryClient, seconds: float, keepalive_s: float = 0.5) -> None:
    for _ in range(round(seconds / keepalive_s)):
        await asyncio.sleep(keepalive_s)
        client.send(Keepalive())


@virtual_time
async def test_a_muted_client_with_keepalives_gets_its_final_during_the_mute() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        for number in (1, 2):
            await speak_without_silence(client, 2)
            await mute(client, 2)
            assert len(client.of(Final)) == number
        await asyncio.sleep(30)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert isinstance(client.events[-1], Done)
    # Positions count the audio that was sent. The mutes have no length in it.
    assert [(event.start_ms // 100, event.end_ms // 100) for event in client.of(Final)] == [(0, 19), (19, 40)]


@virtual_time
async def test_a_client_that_sends_nothing_gets_its_final_later() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        await speak_without_silence(client, 2)
        await asyncio.sleep(STALL_S - 1)
        assert not client.of(SpeechEnded)
        await asyncio.sleep(2)
        assert len(client.of(Final)) == 1


@virtual_time
async def test_a_short_stall_divides_no_utterance() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        for _ in range(3):
            await speak_without_silence(client, 1)
            await asyncio.sleep(STALL_S - 1)
            for _ in range(round((STALL_S - 1) / FRAME_S)):
                client.send(FRAME)
        client.send(Stop())
        await client.wait_for(lambda: client.close_code)
    assert len(client.of(SpeechStarted)) == 1


@virtual_time
async def test_a_resume_after_a_mute_continues_behind_the_utterance_that_the_clock_ended() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as first:
        await speak_without_silence(first, 2)
        await mute(first, 2)
        (final,) = first.of(Final)
        resume = first.resume_message(utterance=1, cursor=final.cursor, audio_from_ms=0)
        async with gateway.connect(resume) as second:
            await second.wait_for(lambda: second.events)
            assert second.ready.audio_from_ms == final.end_ms
            await speak_without_silence(second, 1)
            second.send(Stop())
            await second.wait_for(lambda: second.close_code)
    assert [(event.utterance, event.start_ms) for event in second.of(Final)] == [(2, final.end_ms)]
