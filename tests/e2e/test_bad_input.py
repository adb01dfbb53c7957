"""Bad input gives an `error` with a code and the right close code, and does not affect other sessions."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.local.discovery import stream_url
from backend.local.system import System
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.session import ClientLedger, speak

START = json.dumps({"type": "start"})


def start(**options: Any) -> str:
    return json.dumps({"type": "start", **options})


def configure(**options: Any) -> str:
    return json.dumps({"type": "configure", **options})


def audio(**form: Any) -> str:
    return start(audio=form)


async def provoke(url: str, *frames: str | bytes) -> tuple[dict[str, Any], int | None]:
    """Send frames. Return the error event, and the close code (None if the connection stays open)."""
    async with connect(stream_url(url), max_size=1 << 26) as socket:
        try:
            for frame in frames:
                await socket.send(frame)
        except ConnectionClosed:
            pass  # the server may close before all frames are sent, and its error is still to be read
        error = await _error(socket)
        if not error["fatal"]:
            await (await socket.ping())
            return error, None
        await asyncio.wait_for(socket.wait_closed(), 5)
        return error, socket.close_code


async def _error(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == "error":
                return event


BAD: dict[str, tuple[tuple[str | bytes, ...], str, int | None]] = {
    "text that is not JSON": (("hello",), "invalid_json", 1007),
    "text that is not JSON after start": ((START, "hello"), "invalid_json", None),
    "JSON that is not an object": (("[1, 2]",), "invalid_message", 1008),
    "a message without a type": (('{"kind": "start"}',), "invalid_message", 1008),
    "an unknown type": ((START, '{"type": "sing"}'), "unknown_type", None),
    "an unknown type before start": (('{"type": "sing"}',), "unknown_type", None),
    "a start twice": ((START, START), "already_started", None),
    "audio before start": ((b"\0\0",), "not_started", 1008),
    "configure before start": (('{"type": "configure"}',), "not_started", 1008),
    "an unknown language in configure": ((START, configure(language="tlh")), "unsupported_language", None),
    "nine targets in configure": ((START, configure(translate_to=["es"] * 9)), "invalid_message", None),
    "an endpoint of a year in configure": ((START, configure(endpoint_ms=31_536_000_000)), "invalid_message", None),
    "a resume in a session": ((START, '{"type": "resume", "session": "s", "token": "t"}'), "already_started", None),
    "a 10 MB frame": ((START, b"\0" * 10_000_000), "frame_too_large", 1009),
    "a 10 MB text": ((START, '{"type": "keepalive", "x": "' + "x" * 10_000_000 + '"}'), "frame_too_large", 1009),
    "1 kHz": ((audio(sample_rate=1_000),), "unsupported_sample_rate", 1003),
    "1 MHz": ((audio(sample_rate=1_000_000),), "unsupported_sample_rate", 1003),
    "five channels": ((audio(channels=5),), "unsupported_channels", 1003),
    "an unknown encoding": ((audio(encoding="mp3"),), "invalid_message", 1008),
    "an unknown language": ((start(language="klingon"),), "unsupported_language", 1008),
    "an unknown target": ((start(translate_to=["xx"]),), "unsupported_language", 1008),
    "nine targets": ((start(translate_to=["es"] * 9),), "invalid_message", 1008),
    "an endpoint of a year": ((start(endpoint_ms=31_536_000_000),), "invalid_message", 1008),
    "noise instead of a container": ((audio(encoding="webm"), bytes(range(256)) * 40), "invalid_container", 1007),
    "another format instead of Ogg": ((audio(encoding="ogg"), b"RIFF" * 500), "invalid_container", 1007),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_answered_with_its_code(system: System, case: str) -> None:
    frames, code, close_code = BAD[case]
    error, closed = await provoke(system.urls[0], *frames)
    assert (error["code"], closed) == (code, close_code)
    assert error["message"]
    assert "Traceback" not in error["message"]


async def test_a_flood_of_mistakes_ends_the_session(system: System) -> None:
    async with connect(stream_url(system.urls[0])) as socket:
        for frame in (START, *["hello"] * 300):
            await socket.send(frame)
        async with asyncio.timeout(10):
            tolerated = 0
            while not (await _error(socket))["fatal"]:
                tolerated += 1
            await socket.wait_closed()
    assert tolerated >= 100
    assert socket.close_code == 1007


async def test_an_empty_container_is_an_error(system: System) -> None:
    error, closed = await provoke(system.urls[0], audio(encoding="webm"), b"\x1a\x45\xdf\xa3", '{"type": "stop"}')
    assert (error["code"], closed) == ("invalid_container", 1007)


async def test_other_sessions_are_not_affected(system: System, speech_clips: list[Clip]) -> None:
    pcm = shortest_clip(speech_clips, 3.0).pcm()

    async def transcribe() -> ClientLedger:
        return await speak(system.urls[0], pcm, speed=1.0, silence_s=1.0, language="en", partials=False)

    alone = await transcribe()
    disturbed, *_ = await asyncio.gather(
        transcribe(), *(provoke(system.urls[0], *frames) for frames, _, _ in BAD.values())
    )
    assert alone.text()
    assert disturbed.text() == alone.text()
    assert [type(event) for _, event in disturbed.events] == [type(event) for _, event in alone.events]


async def test_nan_and_infinite_samples_are_accepted(system: System) -> None:
    bad = np.tile(np.array([np.nan, np.inf, -np.inf], "<f4"), 16_000).tobytes()
    async with connect(stream_url(system.urls[0])) as socket:
        for frame in (audio(encoding="pcm_f32le"), bad, '{"type": "stop"}'):
            await socket.send(frame)
        said = [json.loads(event)["type"] async for event in socket]
    assert said == ["ready", "done"]
