"""Clients of Kyutai's moshi-server, with the messages of its scripts: words with times, pauses, markers, raw audio."""

import asyncio
import json
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.local.system import System
from tests.e2e.apis.conftest import error_percent, resampled
from tests.testkit.audio.clips import Clip

pytestmark = pytest.mark.timeout(240)

MAX_ERROR_PERCENT = 25.0
RATE, STEP = 24_000, 1_920
# As the scripts have it. This gateway requires no key.
HEADERS = {"kyutai-api-key": "public_token"}


def client(system: System, path: str) -> connect:
    return connect(system.urls[0].replace("http", "ws", 1) + path, additional_headers=HEADERS)


def sound_of(clip: Clip) -> NDArray[np.int16]:
    return np.frombuffer(resampled(clip.pcm(), RATE), "<i2")


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(msgpack.packb(message, use_single_float=True))


async def send_as_the_script(socket: ClientConnection, sound: NDArray[np.int16]) -> None:
    """Silence, the recording as `--rtf 4` sends it, silence, a marker, and more silence."""
    silence = [0.0] * RATE
    await say(socket, type="Audio", pcm=silence)
    for at in range(0, len(sound), STEP):
        await say(socket, type="Audio", pcm=[float(sample) for sample in sound[at : at + STEP] / 32_768])
        await asyncio.sleep(STEP / RATE / 4)
    for _ in range(2):
        await say(socket, type="Audio", pcm=silence)
    await say(socket, type="Marker", id=0)
    for _ in range(2):
        await say(socket, type="Audio", pcm=silence)


async def read_until_marker(socket: ClientConnection) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    async for frame in socket:
        assert isinstance(frame, bytes)
        messages.append(msgpack.unpackb(frame, raw=False))
        if messages[-1]["type"] == "Marker":
            break
    return messages


async def test_a_script_of_kyutai_gets_words_pauses_and_its_marker(system: System, english: list[Clip]) -> None:
    clip, sound = english[0], sound_of(english[0])
    async with client(system, "/api/asr-streaming?language=en") as socket, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_as_the_script(socket, sound))
        messages = await read_until_marker(socket)
        await sending
    assert messages[0] == {"type": "Ready"}
    assert messages[-1] == {"type": "Marker", "id": 0}
    words = [message for message in messages if message["type"] == "Word"]
    assert error_percent(clip, " ".join(word["text"] for word in words)) <= MAX_ERROR_PERCENT
    starts = [word["start_time"] for word in words]
    assert starts == sorted(starts)
    # After the second of silence.
    assert all(0.8 <= start <= 1.2 + len(sound) / RATE for start in starts)
    ends = [message["stop_time"] for message in messages if message["type"] == "EndWord"]
    assert len(ends) == len(words)
    assert all(start <= end for start, end in zip(starts, ends, strict=True))
    steps = [message for message in messages if message["type"] == "Step"]
    assert [step["step_idx"] for step in steps] == list(range(len(steps)))
    assert {probability for step in steps for probability in step["prs"]} == {0.0, 1.0}
    before_silence = steps[: (RATE + len(sound)) // STEP]
    assert any(step["prs"][2] == 0.0 for step in before_silence)
    assert steps[-1]["prs"][2] == 1.0


async def test_raw_audio_without_a_path_becomes_json(system: System, english: list[Clip]) -> None:
    clip, sound, messages = english[0], sound_of(english[0]), []
    async with client(system, "") as socket, asyncio.TaskGroup() as tasks:

        async def send() -> None:
            for at in range(0, len(sound), 4_096):
                await socket.send(sound[at : at + 4_096].tobytes())
            await socket.send(b"")

        tasks.create_task(send())
        async for frame in socket:
            messages.append(json.loads(frame))
    assert error_percent(clip, " ".join(message.get("text", "") for message in messages)) <= MAX_ERROR_PERCENT
    assert {message["type"] for message in messages} == {"Ready", "Word", "EndWord"}
    assert socket.close_code == 1000


async def test_a_frame_that_is_too_large_is_an_error_as_messagepack(system: System) -> None:
    async with client(system, "/api/asr-streaming") as socket:
        await socket.recv()
        await socket.send(bytes(2 << 20))
        frame = await socket.recv()
        assert isinstance(frame, bytes)
        error = msgpack.unpackb(frame)
        assert (error["type"], "1048576" in error["message"]) == ("Error", True)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert socket.close_code == 1009
