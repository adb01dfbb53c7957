"""A client of the first Nova Voice, with the frames of its documentation: real models, errors, and a neighbour."""

import asyncio
import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.local.processes import free_port
from backend.local.system import System, running
from backend.streams.access.api_keys import QuotaLimits
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent, keyed_port, resampled
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(240)

MAX_ERROR_PERCENT = 25.0
PORT, NULL_PORT, KEYED_PORT, DRAINED_PORT = free_port(), free_port(), free_port(), free_port()
# As the client records.
SAMPLES = 4_096
GET_STATUS = '{"type": "get_status"}'


@pytest.fixture(scope="module")
def system(whisper_base: Path, opus_zh_en: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    models: dict[str, Any] = {
        "stt_model": str(whisper_base),
        "translation_models": str(opus_zh_en),
        "translation_workers": 1,
    }
    environment = {**NO_LOAD_LIMIT, "GATEWAY_ORIGINAL_PORT": str(PORT)}
    plan = system_plan(tmp_path_factory.mktemp("original"), **models, environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture(scope="module")
def null_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    environment = {
        **NO_LOAD_LIMIT,
        "GATEWAY_ORIGINAL_PORT": str(NULL_PORT),
        "GATEWAY_IDLE_TIMEOUT_S": "5",
        "GATEWAY_MAX_FRAME_BYTES": "32768",
    }
    plan = system_plan(tmp_path_factory.mktemp("original-null"), environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


def client(port: int = PORT, query: str = "") -> connect:
    # The client connects to an address without a path.
    return connect(f"ws://127.0.0.1:{port}{query}", open_timeout=20)


def audio(pcm: bytes, rate: int = 16_000) -> bytes:
    metadata = json.dumps({"sampleRate": rate}).encode()
    return struct.pack("<I", len(metadata)) + metadata + pcm


def languages(source: str, target: str) -> str:
    return json.dumps({"type": "set_langs", "source_language": source, "target_language": target})


async def received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 60))
    return message


async def speak(socket: ClientConnection, pcm: bytes, *, rate: int = 16_000, silence_s: float = 2.0) -> None:
    """Send audio in real time, followed by silence."""
    data = pcm + bytes(2 * round(silence_s * rate))
    size = 2 * SAMPLES * rate // 16_000
    with suppress(ConnectionClosed):
        for at in range(0, len(data), size):
            await socket.send(audio(data[at : at + size], rate))
            await asyncio.sleep(SAMPLES / 16_000)


async def until_end(socket: ClientConnection) -> list[dict[str, Any]]:
    """The results of one utterance."""
    results: list[dict[str, Any]] = []
    while (message := await received(socket))["type"] != "utterance_end":
        assert message["type"] == "realtime", message
        results.append(message)
    assert set(message) == {"type", "client_id"}
    return results


async def utterance(socket: ClientConnection, pcm: bytes, rate: int = 16_000) -> list[dict[str, Any]]:
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(speak(socket, pcm, rate=rate, silence_s=30.0))
        results = await until_end(socket)
        sending.cancel()
    return results


async def opened(socket: ClientConnection, source: str, target: str) -> None:
    """The first messages of the client."""
    first = await received(socket)
    assert first["type"] == "status"
    await socket.send(GET_STATUS)
    assert await received(socket) == first
    await socket.send(languages(source, target))
    changed = {"source_language": source, "target_language": target, "translation_enabled": source != target}
    assert await received(socket) == {**first, **changed}


async def error_of(frames: Sequence[str | bytes], port: int = NULL_PORT, query: str = "") -> dict[str, Any]:
    """The first error that answers these frames, after which the connection is closed."""
    async with client(port, query) as socket:
        with suppress(ConnectionClosed):
            for frame in frames:
                await socket.send(frame)
        while (message := await received(socket))["type"] != "error":
            assert message["type"] == "status"
        assert message["message"]
        with suppress(ConnectionClosed):
            while True:
                await received(socket)
    return message


async def test_chinese_speech_is_translated_into_english(system: System, speech_clips: list[Clip]) -> None:
    clips = [clip for clip in speech_clips if clip.language == "zh" and clip.kind == "utt"]
    if not clips:
        pytest.skip("there is no Chinese recording")
    async with client() as socket:
        await opened(socket, "zh", "en")
        results = await utterance(socket, clips[0].pcm().tobytes())
    assert set(results[-1]) == {"type", "text", "translation", "segment_id", "processing_time"}
    assert error_percent(clips[0], results[-1]["text"]) <= MAX_ERROR_PERCENT
    assert len(results[-1]["translation"].split()) >= 3
    assert results[-1]["translation"].isascii()
    assert results[-2]["text"] == results[-1]["text"], "the final text is shown before its translation arrives"
    numbers = [int(result["segment_id"]) for result in results]
    assert numbers == sorted(set(numbers))


async def test_speech_without_a_translation_in_two_utterances_and_at_another_rate(
    system: System, english: list[Clip]
) -> None:
    async with client() as socket:
        await opened(socket, "en", "en")
        for clip in english:
            results = await utterance(socket, resampled(clip.pcm(), 48_000), 48_000)
            assert error_percent(clip, results[-1]["text"]) <= MAX_ERROR_PERCENT
            assert {result["translation"] for result in results} == {""}


async def test_start_over_drops_the_utterance_in_progress(system: System, english: list[Clip]) -> None:
    first, second = english
    async with client() as socket:
        await opened(socket, "en", "en")
        await speak(socket, first.pcm().tobytes(), silence_s=0)
        await socket.send('{"type": "start_over"}')
        await socket.send(GET_STATUS)
        while (message := await received(socket))["type"] != "status":
            assert message["type"] == "realtime"
        results = await utterance(socket, second.pcm().tobytes())
    assert error_percent(second, results[-1]["text"]) <= MAX_ERROR_PERCENT


async def test_languages_change_during_a_session(system: System, english: list[Clip]) -> None:
    clip = english[0]
    async with client() as socket:
        await opened(socket, "zh", "en")
        await socket.send(audio(bytes(2 * SAMPLES)))
        await socket.send(languages("klingon", "en"))
        assert (await received(socket))["code"] == "unsupported_language"
        await socket.send(languages("en", "en"))
        assert (await received(socket))["translation_enabled"] is False
        results = await utterance(socket, clip.pcm().tobytes())
    assert error_percent(clip, results[-1]["text"]) <= MAX_ERROR_PERCENT


async def test_garbage_wrong_order_and_stalls_are_errors_and_a_neighbour_notices_nothing(
    null_system: System, english: list[Clip]
) -> None:
    silence = bytes(2 * SAMPLES)
    attempts: dict[str, list[str | bytes]] = {
        "garbage": [b"GET / HTTP/1.1\r\n\r\n"],
        "text garbage": ["GET / HTTP/1.1"],
        "brackets": ["[" * 30_000],
        "no metadata": [silence],
        "long metadata": [b"\xff\xff\xff\x7f{}"],
        "negative length": [b"\xff\xff\xff\xff{}"],
        "half a sample": [audio(b"\1\0\2")],
        "no rate": [struct.pack("<I", 2) + b"{}" + silence],
        "rate too high": [audio(silence, 96_000)],
        "rate too low": [audio(silence, -16_000)],
        "another rate": [audio(silence), audio(silence, 8_000)],
        "oversize": [audio(bytes(40_000))],
        "oversize before audio": [GET_STATUS, audio(bytes(100_000))],
        "unknown language": [languages("klingon", "en")],
        "many tiny frames": [b"{}"] * 20_000,
        "many garbage frames": [audio(silence), *["garbage"] * 5_000],
        "stall": [],
        "stall after the status": [GET_STATUS, '{"type": "start_over"}'],
        "stall after audio": [audio(silence)],
    }
    async with client(NULL_PORT) as socket, asyncio.TaskGroup() as tasks:
        await opened(socket, "en", "en")
        neighbour = tasks.create_task(utterance(socket, english[0].pcm().tobytes()))
        answers = {name: tasks.create_task(error_of(frames)) for name, frames in attempts.items()}
    assert {name: answer.result()["code"] for name, answer in answers.items()} == {
        "garbage": "invalid_message",
        "text garbage": "invalid_json",
        "brackets": "invalid_json",
        "no metadata": "invalid_message",
        "long metadata": "invalid_message",
        "negative length": "invalid_message",
        "half a sample": "invalid_audio",
        "no rate": "invalid_message",
        "rate too high": "unsupported_sample_rate",
        "rate too low": "unsupported_sample_rate",
        "another rate": "invalid_audio",
        "oversize": "frame_too_large",
        "oversize before audio": "frame_too_large",
        "unknown language": "unsupported_language",
        "many tiny frames": "invalid_message",
        "many garbage frames": "invalid_json",
        "stall": "idle_timeout",
        "stall after the status": "idle_timeout",
        "stall after audio": "idle_timeout",
    }
    assert neighbour.result()[-1]["text"]


async def test_pages_of_other_origins_and_other_paths_are_refused(null_system: System) -> None:
    for options in ({"origin": "https://evil.example"}, {"path": "/v1/stream"}):
        url = f"ws://127.0.0.1:{NULL_PORT}{options.get('path', '/')}"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, origin=options.get("origin")):  # type: ignore[arg-type]
                pass
        assert refused.value.response.status_code == 403


async def test_the_key_of_the_port_a_key_of_the_client_and_a_revoked_key(tmp_path: Path) -> None:
    request = [audio(bytes(2 * SAMPLES))]
    settings = {"GATEWAY_KEY_IN_QUERY": "true", "GATEWAY_ORIGINAL_PORT": str(KEYED_PORT)}
    async with keyed_port(tmp_path, "GATEWAY_ORIGINAL_KEY", settings) as keyed:
        own = await keyed.keys.create("one client", ("stream",), QuotaLimits())
        async with client(KEYED_PORT) as holder, client(KEYED_PORT, f"/?key={own}") as other:
            for socket in (holder, other):
                assert (await received(socket))["type"] == "status"
                await socket.send(audio(bytes(2 * SAMPLES)))
                await socket.send(GET_STATUS)
                assert (await received(socket))["type"] == "status"
            assert (await error_of(request, KEYED_PORT))["code"] == "over_quota"
        assert (await error_of(request, KEYED_PORT, "/?key=nova_wrong"))["code"] == "unauthorized"
        await keyed.revoke()
        assert (await error_of(request, KEYED_PORT))["code"] == "unauthorized"


async def test_a_gateway_that_shuts_down_ends_all_connections(tmp_path: Path) -> None:
    environment = {**NO_LOAD_LIMIT, "GATEWAY_ORIGINAL_PORT": str(DRAINED_PORT), "GATEWAY_DRAIN_S": "2"}
    async with (
        running(system_plan(tmp_path, environment=environment), silent) as system,
        client(DRAINED_PORT) as idle,
        client(DRAINED_PORT) as open_client,
    ):
        for socket in (idle, open_client):
            await opened(socket, "en", "en")
        await open_client.send(audio(bytes(2 * SAMPLES)))
        gateway = system.named("gateway-1")
        assert gateway.process
        gateway.stopping = True
        gateway.process.terminate()
        for socket in (open_client, idle):
            await asyncio.wait_for(socket.wait_closed(), 15)
            assert socket.close_code == 1012
        # Sooner than the idle timeout of 60 s, and without being killed.
        assert await asyncio.wait_for(gateway.process.wait(), 10) == 0
