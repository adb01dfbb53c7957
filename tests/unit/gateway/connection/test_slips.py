"""Mistakes of a client, on whole connections in virtual time: all speech is recognized, whatever else arrives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.messages.protocol import (
    Configure,
    Done,
    Error,
    Final,
    Finalize,
    Keepalive,
    Resume,
    SpeechStarted,
    Start,
    Stop,
    to_json,
)
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import NOISE, MemoryClient, MemoryGateway


def frames(audio: bytes, size: int) -> list[str | bytes]:
    """Split audio. Frames above 8 KiB would be decoded in a thread, which virtual time does not wait for."""
    return [audio[at : at + size] for at in range(0, len(audio), size)]


SPEECH, SILENCE = NOISE.tobytes(), bytes(2 * len(NOISE))
SLIPS: dict[str, list[str | bytes]] = {
    "start": [to_json(Start())],
    "resume": [to_json(Resume(session="s", token="t"))],
    "no JSON": ["hello"],
    "no object": ["[1]"],
    "no type": ["{}"],
    "unknown type": ['{"type": "sing"}'],
    "invalid option": ['{"type": "configure", "endpoint_ms": -1}'],
    "unknown language": [to_json(Configure(language="tlh"))],
    "unknown target": [to_json(Configure(translate_to=("xx",)))],
    "too many targets": [to_json(Configure(translate_to=("es",) * 9))],
    "finalize": [to_json(Finalize())],
    "keepalive": [to_json(Keepalive())],
    "configure": [to_json(Configure(endpoint_ms=400))],
    "stop": [to_json(Stop())],
    "nothing": [b""],
}
SPOKEN = {"speech": frames(SPEECH, 3_200), "split samples": frames(SPEECH, 3_201), "silence": frames(SILENCE, 3_200)}
STEPS = {**SLIPS, **SPOKEN}


async def send(client: MemoryClient, steps: list[str]) -> None:
    for step in steps:
        for frame in STEPS[step]:
            client.send_frame(frame)


def spoken_ms(steps: list[str]) -> int:
    said = steps[: steps.index("stop")] if "stop" in steps else steps
    return sum(1_000 for step in said if step in SPOKEN)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=25))
@virtual_time
async def test_any_order_of_messages_and_audio_yields_all_finals_and_one_done(steps: list[str]) -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        await send(client, [*steps, "stop", "stop"])
        await client.wait_for(lambda: client.close_code)
    assert client.close_code == 1000
    assert not [error for error in client.of(Error) if error.fatal]
    assert [type(event) for event in client.events].count(Done) == 1
    assert isinstance(client.events[-1], Done)
    finals = [event.utterance for event in client.of(Final)]
    assert finals == [event.utterance for event in client.of(SpeechStarted)]
    said = steps[: steps.index("stop")] if "stop" in steps else steps
    assert bool(finals) == any(step in ("speech", "split samples") for step in said)
    assert all(event.end_ms <= spoken_ms(steps) + 32 for event in client.of(Final)), "nothing after stop was used"


@pytest.mark.parametrize("slip", sorted(SLIPS.keys() - {"stop"}))
@virtual_time
async def test_one_mistake_changes_neither_the_finals_nor_the_end(slip: str) -> None:
    expected, disturbed = [await _speak_around([]), await _speak_around([slip])]
    if slip != "finalize":
        assert _texts(disturbed) == _texts(expected)
    assert len(disturbed.of(Final)) >= 2
    assert (disturbed.close_code, expected.close_code) == (1000, 1000)


def _texts(client: MemoryClient) -> list[tuple[str, int, int]]:
    return [(event.text, event.start_ms, event.end_ms) for event in client.of(Final)]


async def _speak_around(slips: list[str]) -> MemoryClient:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        await send(client, ["speech", "silence", *slips, "speech", *slips, "stop", *slips])
        await client.wait_for(lambda: client.close_code)
    return client


@virtual_time
async def test_audio_after_stop_is_reported_once_and_the_final_in_flight_arrives() -> None:
    gateway = MemoryGateway()
    async with gateway.connect(Start()) as client:
        await send(client, ["speech", "stop", *["speech"] * 200, "configure"])
        async with gateway.worker():
            await client.wait_for(lambda: client.close_code)
    assert [(error.code, error.fatal) for error in client.of(Error)] == [("stopped", False)]
    assert len(client.of(Final)) == 1
    assert client.close_code == 1000


@virtual_time
async def test_a_flood_of_mistakes_ends_the_session() -> None:
    async with MemoryGateway(outbox=10_000).connect(Start()) as client:
        await send(client, ["no JSON"] * 200)
        await client.wait_for(lambda: client.close_code)
    assert client.close_code == 1007
    assert [error.fatal for error in client.of(Error)] == [False] * 100 + [True]


@virtual_time
async def test_half_a_sample_at_the_end_is_reported_and_the_rest_is_used() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), gateway.connect(Start()) as client:
        await send(client, ["speech"])
        client.send_frame(b"\1")
        await send(client, ["stop"])
        await client.wait_for(lambda: client.close_code)
    assert [(error.code, error.fatal) for error in client.of(Error)] == [("misaligned_audio", False)]
    assert len(client.of(Final)) == 1
