"""A gateway that shuts down accepts no new sessions, loses no result, and sends its clients to other gateways."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.client.client import ServerError
from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import Error, Final
from stt_worker.recognizers.null import transcript
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.session import speak
from tests.testkit.system.plans import system_plan

RATE = 16_000


@pytest.fixture
async def pair(artifacts: Path) -> AsyncIterator[System]:
    """Two gateways and a slow worker."""
    slow = {"STT_NULL_BASE_S": "0.5", "GATEWAY_DRAIN_S": "4"}
    async with running(system_plan(artifacts / "logs", gateways=2, environment=slow), silent) as system:
        yield system


@pytest.fixture(scope="module")
def spoken_twice(speech_clips: list[Clip]) -> NDArray[np.int16]:
    clip = shortest_clip(speech_clips, 2.5)
    quiet = np.zeros(RATE, np.int16)
    return np.concatenate([quiet, clip.pcm()[: 3 * RATE], quiet, clip.pcm()[: 3 * RATE], quiet])


async def test_a_client_that_resumes_loses_nothing(pair: System, spoken_twice: NDArray[np.int16]) -> None:
    first, pcm = pair.named("gateway-1"), spoken_twice

    async def terminate() -> None:
        await asyncio.sleep(2.0)  # during speech
        first.stopping = True
        assert first.process is not None
        first.process.terminate()
        assert await first.process.wait() == 0

    said, _ = await asyncio.gather(speak(pair.urls, pcm, speed=1.0, silence_s=1.0, language="en"), terminate())
    finals = said.received(Final)
    assert [final.utterance for final in finals] == list(range(1, len(finals) + 1))
    assert len(finals) >= 2
    assert said.reconnects == 1
    assert said.received(Error) == []
    padded = np.concatenate([pcm, np.zeros(2 * RATE, np.int16)])
    for final in finals:
        assert final.text == transcript(padded[final.start_ms * 16 : final.end_ms * 16].tobytes())


async def test_a_client_that_cannot_resume_receives_results_in_flight(
    pair: System, spoken_twice: NDArray[np.int16]
) -> None:
    first = pair.named("gateway-1")
    async with connect(stream_url(pair.urls[0])) as socket:
        await socket.send(json.dumps({"type": "start", "language": "en", "partials": False}))
        await socket.send(spoken_twice.tobytes())
        while json.loads(await socket.recv())["type"] != "speech_ended":
            pass
        assert first.process is not None
        first.stopping = True
        first.process.terminate()
        said = await _to_the_end(socket)
        assert socket.close_code == 1012
    assert said.count("final") == 2
    assert "draining" in said


async def _to_the_end(socket: ClientConnection) -> list[str]:
    """The types of the events until the connection is closed."""
    said = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            said.append(json.loads(await socket.recv())["type"])
    return said


async def test_new_sessions_are_refused_while_draining(pair: System, spoken_twice: NDArray[np.int16]) -> None:
    first = pair.named("gateway-1")
    async with connect(stream_url(pair.urls[0])) as socket, httpx.AsyncClient() as http:
        await socket.send(json.dumps({"type": "start", "language": "en"}))
        await socket.send(spoken_twice[: 3 * RATE].tobytes())
        while json.loads(await socket.recv())["type"] != "speech_started":
            pass
        assert first.process is not None
        first.stopping = True
        first.process.terminate()
        await asyncio.sleep(0.3)
        answer = await http.get(f"{pair.urls[0]}/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "draining")
        with pytest.raises(ServerError) as refused:
            await speak(pair.urls[0], spoken_twice)
        assert refused.value.code == "draining"
        assert (await speak([pair.urls[1]], spoken_twice, language="en")).finals
