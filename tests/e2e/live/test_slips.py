"""Mistakes of a client cost nothing that was said: a real gateway, Redis, and the recognizer `null`."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import connect

from backend.client.client import Client
from backend.client.sync_client import SyncClient
from backend.local.discovery import stream_url
from backend.local.system import System
from backend.messages.protocol import Configure, Error, Final, Finalize, ServerMessage, Start, Stop
from stt_worker.recognizers.null import transcript

MISTAKES = (
    '{"type": "start"}',
    '{"type": "configure", "language": "tlh"}',
    '{"type": "configure", "endpoint_ms": -5}',
    '{"type": "finalize"}',
    "hello",
    '{"type": "sing"}',
)
CODES = ["already_started", "unsupported_language", "invalid_message", "invalid_json", "unknown_type"]


def spoken(sentence: NDArray[np.int16]) -> bytes:
    return np.concatenate([sentence, np.zeros(16_000, np.int16)] * 2).tobytes()


def texts(finals: list[Final], audio: bytes) -> list[str]:
    """The text that the recognizer gives for the audio that was sent at the times of these finals."""
    return [transcript(audio[32 * final.start_ms : 32 * final.end_ms]) for final in finals]


async def test_mistakes_on_the_wire_cost_no_final(null_system: System, sentence: NDArray[np.int16]) -> None:
    audio, events = spoken(sentence), list[dict[str, Any]]()
    async with connect(stream_url(null_system.urls[0])) as socket:
        await socket.send('{"type": "start", "language": "en"}')
        for mistake in MISTAKES:
            await socket.send(mistake)
        for at in range(0, len(audio), 3_201):
            await socket.send(audio[at : at + 3_201])
        for frame in (b"\1", '{"type": "stop"}', '{"type": "stop"}', audio[:3_200], *MISTAKES):
            await socket.send(frame)
        async with asyncio.timeout(30):
            events = [json.loads(event) async for event in socket]
        assert socket.close_code == 1000
    assert not any(event.get("fatal") for event in events)
    codes = [event["code"] for event in events if event["type"] == "error"]
    assert codes[: len(CODES) + 1] == [*CODES, "misaligned_audio"]
    finals = [Final.model_validate(event) for event in events if event["type"] == "final"]
    assert [final.text for final in finals] == texts(finals, audio)
    assert len(finals) == 2
    assert [event["type"] for event in events].count("done") == 1
    assert events[-1]["type"] == "done"


@pytest.mark.parametrize("resume", [True, False])
async def test_the_python_client_sends_odd_pieces_and_stops_twice(
    null_system: System, sentence: NDArray[np.int16], resume: bool
) -> None:
    audio = spoken(sentence)
    async with Client.connect(stream_url(null_system.urls[0]), Start(language="en"), resume=resume) as client:
        for at in range(0, len(audio), 4_999):
            await client.send(audio[at : at + 4_999])
        await client.send_message(Finalize())
        await client.send_message(Configure(language="tlh"))
        await client.stop()
        await client.stop()
        await client.send(audio[:999])
        received = [event async for event in client]
    check(received, audio)


def test_the_client_without_asyncio_sends_odd_pieces_and_stops_twice(
    null_system: System, sentence: NDArray[np.int16]
) -> None:
    audio = spoken(sentence)
    with SyncClient.connect(stream_url(null_system.urls[0]), Start(language="en")) as client:
        for at in range(0, len(audio), 7_001):
            client.send(audio[at : at + 7_001])
        for message in (Finalize(), Configure(language="tlh"), Stop(), Stop()):
            client.send_message(message)
        received = list(client)
    check(received, audio)


def check(received: list[ServerMessage], audio: bytes) -> None:
    finals = [event for event in received if isinstance(event, Final)]
    assert [final.text for final in finals] == texts(finals, audio)
    assert len(finals) == 2
    errors = [event for event in received if isinstance(event, Error)]
    assert errors[0].code == "unsupported_language"
    assert not any(error.fatal for error in errors)
