"""Keys, quotas, bad input, kills and draining with the error forms of Flux and Soniox."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.local.system import System, running
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.streams.on_redis import eventually
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(120)

RATE = 16_000
FLUX = "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000"
SONIOX = "/transcribe-websocket"
CONFIGURATION = {"model": "x", "audio_format": "pcm_s16le", "sample_rate": RATE, "num_channels": 1}


@asynccontextmanager
async def slow_system(artifacts: Path) -> AsyncIterator[System]:
    """A system with a slow worker that requires a key."""
    settings = {**NO_LOAD_LIMIT, "GATEWAY_AUTH": "keys", "GATEWAY_DRAIN_S": "4", "STT_NULL_BASE_S": "0.3"}
    async with running(system_plan(artifacts / "logs-limits", environment=settings), silent) as up:
        yield up


@pytest.fixture(scope="module")
def guarded(artifacts: Path) -> Iterator[System]:
    with run_in_thread(slow_system(artifacts)) as up:
        yield up


@pytest.fixture(scope="module")
def speech(speech_clips: list[Clip]) -> bytes:
    """Three seconds of speech, and a second of silence."""
    pcm = shortest_clip(speech_clips, 2.5).pcm()[: 3 * RATE]
    return np.concatenate([pcm, np.zeros(RATE, np.int16)]).tobytes()


def opened(system: System, path: str, key: str | None = None) -> connect:
    headers = {"Authorization": f"Bearer {system.key if key is None else key}"}
    return connect(system.urls[0].replace("http", "ws", 1) + path, additional_headers=headers, max_size=None)


async def begin(socket: ClientConnection, path: str) -> None:
    """Send what a client sends before audio."""
    if path == SONIOX:
        await socket.send(json.dumps(CONFIGURATION))


async def to_the_end(socket: ClientConnection) -> list[Any]:
    """All messages until the connection is closed."""
    messages = []
    with suppress(ConnectionClosed):
        while True:
            messages.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
    return messages


def error_of(messages: list[Any]) -> Any:
    """The code of the last message, which is an error."""
    return messages[-1].get("error_code") or (messages[-1]["type"], messages[-1]["code"])


def texts(messages: list[Any]) -> list[str]:
    """The texts that are final."""
    ends = [message["transcript"] for message in messages if message.get("event") == "EndOfTurn"]
    tokens = ["".join(token["text"] for token in one.get("tokens", []) if token["is_final"]) for one in messages]
    return [text.strip() for text in [*ends, *tokens] if text]


async def test_wrong_keys_and_quotas_are_refused(guarded: System) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(guarded, FLUX, "nova_wrong"):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["err_code"] == "INVALID_AUTH"
    redis: Redis = client(guarded.redis_url)
    key = await ApiKeys(redis).create("ada", ("stream",), QuotaLimits(sessions=1))
    await redis.aclose()
    async with opened(guarded, FLUX, key) as first:
        await first.send(bytes(3_200))
        assert json.loads(await first.recv())["type"] == "Connected"
        await asyncio.sleep(0.5)
        async with opened(guarded, FLUX, key) as second:
            assert error_of(await to_the_end(second)) == ("Error", "OVER_QUOTA")
            assert second.close_code == 1011
        async with opened(guarded, SONIOX, key) as second:
            await begin(second, SONIOX)
            assert error_of(await to_the_end(second)) == 429
            assert second.close_code == 1013


@pytest.mark.parametrize(
    ("path", "frame", "error", "code"),
    [
        (FLUX, "{", ("Error", "INVALID_JSON"), 1008),
        (SONIOX, "{", 400, 1008),
        (FLUX, "[" * 60_000, ("Error", "INVALID_JSON"), 1008),
        (SONIOX, "[" * 60_000, 400, 1008),
        (FLUX, bytes(9_000_000), ("Error", "FRAME_TOO_LARGE"), 1009),
        (SONIOX, bytes(9_000_000), 400, 1009),
    ],
    ids=["flux-garbage", "soniox-garbage", "flux-nested", "soniox-nested", "flux-oversize", "soniox-oversize"],
)
async def test_bad_input_ends_the_session_and_a_neighbour_notices_nothing(
    guarded: System, speech: bytes, path: str, frame: str | bytes, error: Any, code: int
) -> None:
    async with opened(guarded, path) as neighbour, opened(guarded, path) as socket:
        for one in (neighbour, socket):
            await begin(one, path)
        await neighbour.send(speech)
        await socket.send(speech[:3_200])
        await asyncio.sleep(0.3)
        with suppress(ConnectionClosed):
            await socket.send(frame)
        messages = await to_the_end(socket)
        assert socket.close_code == code
        # A client that still sends a large frame may lose the error that came before the close frame.
        assert code == 1009 or error_of(messages) == error
        await neighbour.send(json.dumps({"type": "CloseStream"}) if path == FLUX else "")
        assert texts(await to_the_end(neighbour))
        assert neighbour.close_code == 1000


@pytest.mark.parametrize("path", [FLUX, SONIOX], ids=["flux", "soniox"])
async def test_no_text_is_lost_when_a_worker_is_killed(guarded: System, speech: bytes, path: str) -> None:
    worker = guarded.named("stt_worker-1")
    async with opened(guarded, path) as socket:
        await begin(socket, path)
        for _ in range(3):
            await socket.send(speech)
        await asyncio.sleep(0.4)
        assert worker.process is not None
        os.kill(worker.process.pid, SIGKILL)
        await socket.send(json.dumps({"type": "CloseStream"}) if path == FLUX else "")
        messages = await to_the_end(socket)
        assert socket.close_code == 1000
    assert len(texts(messages)) == 3, messages


@pytest.mark.parametrize(("path", "code"), [(FLUX, 1011), (SONIOX, 1012)], ids=["flux", "soniox"])
async def test_results_are_sent_before_a_gateway_shuts_down(
    artifacts: Path, speech: bytes, path: str, code: int
) -> None:
    async with slow_system(artifacts) as system, opened(system, path) as socket:
        gateway = system.named("gateway-1")
        await begin(socket, path)
        await socket.send(speech)
        await asyncio.sleep(0.5)
        assert gateway.process is not None
        gateway.stopping = True
        gateway.process.terminate()
        messages = await to_the_end(socket)
        assert socket.close_code == code
    assert len(texts(messages)) == 1
    if path == SONIOX:
        assert error_of(messages) == 503


async def test_a_translation_is_refused_at_once_if_no_process_translates(artifacts: Path) -> None:
    """The recognizer is an endpoint that does not translate. No request is sent to it."""
    plan = system_plan(artifacts / "logs-untranslated", stt_model="http://127.0.0.1:9/v1")
    async with running(plan, silent) as system, httpx.AsyncClient(base_url=system.urls[0], timeout=20) as http:

        async def is_refused() -> bool:
            """The gateway learns of workers within seconds of its start."""
            answer = await http.post(
                "/v1/audio/translations", data={"model": "whisper-1"}, files={"file": ("a.wav", b"x")}
            )
            assert answer.status_code == 400
            return bool(answer.json()["error"]["code"] == "translation_unavailable")

        await eventually(is_refused)
        async with connect(f"{system.urls[0].replace('http', 'ws', 1)}/v1/stream") as socket:
            await socket.send('{"type":"start","language":"fr","task":"translate"}')
            error = json.loads(await socket.recv())
            assert (error["type"], error["code"], error["fatal"]) == ("error", "unsupported_task", True)
            await socket.wait_closed()
            assert socket.close_code == 1008
