"""The client of the package `wyoming`, as Home Assistant uses it, with a real model; errors, and a neighbour."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping

from backend.local.discovery import stream_url
from backend.local.processes import free_port
from backend.local.system import System, running
from backend.messages.protocol import Start
from backend.streams.access.api_keys import QuotaLimits
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent, keyed_port, resampled
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(240)

MAX_ERROR_PERCENT = 25.0
PORT, KEYED_PORT, DRAINED_PORT = free_port(), free_port(), free_port()
# As Home Assistant records: 64 ms.
SAMPLES = 1_024
HEADER = {"rate": 16_000, "width": 2, "channels": 1}


@pytest.fixture(scope="module")
def system(whisper_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    environment = {
        **NO_LOAD_LIMIT,
        "GATEWAY_WYOMING_PORT": str(PORT),
        "GATEWAY_IDLE_TIMEOUT_S": "5",
        "GATEWAY_MAX_FRAME_BYTES": "65536",
    }
    plan = system_plan(tmp_path_factory.mktemp("wyoming"), stt_model=str(whisper_base), environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


def client(port: int = PORT) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", port, connect_timeout=10, read_timeout=100)


def spoken(data: bytes, *, rate: int = 16_000, channels: int = 1) -> list[Eventable]:
    header: Any = {"rate": rate, "width": 2, "channels": channels}
    size = 2 * channels * SAMPLES
    chunks = [AudioChunk(**header, audio=data[at : at + size]) for at in range(0, len(data), size)]
    return [AudioStart(**header), *chunks, AudioStop()]


async def send(connection: AsyncTcpClient, events: Iterable[Eventable], *, pause_s: float = 0) -> None:
    for event in events:
        await connection.write_event(event.event())
        await asyncio.sleep(pause_s)


async def events_until(connection: AsyncTcpClient, kind: str) -> list[Event]:
    """The next events, up to one of a kind, or to the end of the connection."""
    events: list[Event] = []
    while (event := await connection.read_event()) is not None:
        events.append(event)
        if event.type == kind:
            break
    return events


async def transcribed(connection: AsyncTcpClient, events: Sequence[Eventable], *, pause_s: float = 0) -> list[Event]:
    await send(connection, events, pause_s=pause_s)
    return await events_until(connection, "transcript-stop")


def text_of(events: list[Event]) -> str:
    """The transcript. All chunks together are the same text."""
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-2:]) == ("transcript-start", ["transcript", "transcript-stop"]), events
    assert set(kinds[1:-2]) <= {"transcript-chunk"}
    text: str = events[-2].data["text"]
    assert "".join(event.data["text"] for event in events[1:-2]) == text
    return text


async def error_of(raw: bytes, port: int = PORT, *, limit_s: float = 30) -> dict[str, Any]:
    """The only event that answers these bytes before the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    try:
        answer = await asyncio.wait_for(reader.read(), limit_s)
    finally:
        writer.close()
    line, _, data = answer.partition(b"\n")
    assert json.loads(line)["type"] == "error"
    found: dict[str, Any] = json.loads(data)
    assert found["text"]
    return found


def line(kind: str, **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"


def both(clips: Sequence[Clip]) -> tuple[Clip, Clip]:
    first, second = clips
    return first, second


async def described(port: int = PORT) -> Info:
    """The description of the gateway. Until it knows a worker, it answers with an error."""
    while True:
        async with client(port) as connection:
            await send(connection, [Describe()])
            (event,) = await events_until(connection, "info")
        if event.type == "info":
            return Info.from_event(event)
        assert event.data["code"] == "model_unavailable"
        await asyncio.sleep(0.2)


async def test_describe_lists_the_model_and_ping_is_answered(system: System) -> None:
    async with client() as connection:
        await send(connection, [Ping("hello")])
        (pong,) = await events_until(connection, "pong")
    assert pong.data == {"text": "hello"}
    (program,) = (await asyncio.wait_for(described(), 20)).asr
    (model,) = program.models
    assert (program.name, program.supports_transcript_streaming, model.installed) == ("nova-voice", True, True)
    assert "whisper-base" in model.name
    assert {"en", "zh", "de"} < set(model.languages)


async def test_speech_in_real_time_and_a_second_request_on_the_connection(system: System, english: list[Clip]) -> None:
    first, second = both(english)
    async with client() as connection:
        live = [Transcribe(language="en"), *spoken(first.pcm().tobytes())]
        events = await transcribed(connection, live, pause_s=SAMPLES / 16_000)
        assert error_percent(first, text_of(events)) <= MAX_ERROR_PERCENT
        assert events[-2].data["language"] == "en"
        # Without `transcribe`, the language is detected.
        events = await transcribed(connection, spoken(second.pcm().tobytes()))
        assert error_percent(second, text_of(events)) <= MAX_ERROR_PERCENT
        assert events[-2].data["language"] == "en"
        await send(connection, [Describe()])
        assert [event.type for event in await events_until(connection, "info")] == ["info"]


async def test_several_utterances_are_one_transcript_and_requests_may_be_sent_ahead(
    system: System, english: list[Clip]
) -> None:
    first, second = both(english)
    pause = bytes(2 * 2 * 16_000)
    whole = first.pcm().tobytes() + pause + second.pcm().tobytes()
    async with client() as connection:
        await send(connection, [Transcribe(language="en"), *spoken(whole), *spoken(pause), Ping("last")])
        events = await events_until(connection, "transcript-stop")
        joined = Clip(first.path, f"{first.text} {second.text}", "en")
        assert error_percent(joined, text_of(events)) <= MAX_ERROR_PERCENT
        assert len(events) >= 5, "a chunk for each utterance"
        assert text_of(await events_until(connection, "transcript-stop")) == "", "silence has no text"
        assert (await events_until(connection, "pong"))[0].data == {"text": "last"}


async def test_other_formats(system: System, english: list[Clip]) -> None:
    clip = english[0]
    at_44_khz = resampled(clip.pcm(), 44_100)
    stereo = clip.pcm().repeat(2).tobytes()
    for events in (spoken(at_44_khz, rate=44_100), spoken(stereo, channels=2)):
        async with client() as connection:
            answer = await transcribed(connection, [Transcribe(language="en"), *events])
        assert error_percent(clip, text_of(answer)) <= MAX_ERROR_PERCENT


async def test_garbage_wrong_order_and_stalls_are_errors_and_a_neighbour_notices_nothing(
    system: System, english: list[Clip]
) -> None:
    clip = english[0]
    start = line("audio-start", **HEADER)
    async with client() as connection, asyncio.TaskGroup() as tasks:
        live = [Transcribe(language="en"), *spoken(clip.pcm().tobytes())]
        neighbour = tasks.create_task(transcribed(connection, live, pause_s=SAMPLES / 16_000))
        attempts = {
            "garbage": b"GET / HTTP/1.1\r\n\r\n" * 5_000,
            "endless line": b"x" * 1_000_000,
            "long data": b'{"type":"ping","data_length":1000000000}\n',
            "long payload": start + b'{"type":"audio-chunk","payload_length":65537}\n',
            "audio first": line("audio-chunk", **HEADER),
            "stop first": line("audio-stop"),
            "two starts": start + start,
            "another rate": start + line("audio-chunk", **{**HEADER, "rate": 8_000}),
            "8 bits": line("audio-start", **{**HEADER, "width": 1}),
            "too fast": line("audio-start", **{**HEADER, "rate": 96_000}),
            "too many channels": line("audio-start", **{**HEADER, "channels": 9}),
            "unknown language": line("transcribe", language="klingon") + start,
            "unknown model": line("transcribe", name="large") + start,
            "tiny events": b'{"type":"x"}\n' * 20_000,
            "stall": b"",
            "half an event": b'{"type":"audio-start"',
            "half a payload": start + b'{"type":"audio-chunk","payload_length":100}\n' + bytes(50),
        }
        answers = {name: tasks.create_task(error_of(raw)) for name, raw in attempts.items()}
    assert {name: answer.result()["code"] for name, answer in answers.items()} == {
        "garbage": "invalid_json",
        "endless line": "frame_too_large",
        "long data": "frame_too_large",
        "long payload": "frame_too_large",
        "audio first": "not_started",
        "stop first": "not_started",
        "two starts": "already_started",
        "another rate": "invalid_audio",
        "8 bits": "invalid_audio",
        "too fast": "unsupported_sample_rate",
        "too many channels": "unsupported_channels",
        "unknown language": "unsupported_language",
        "unknown model": "model_not_found",
        "tiny events": "too_many_frames",
        "stall": "idle_timeout",
        "half an event": "idle_timeout",
        "half a payload": "idle_timeout",
    }
    assert error_percent(clip, text_of(neighbour.result())) <= MAX_ERROR_PERCENT


async def test_a_key_with_a_quota_a_full_gateway_and_a_revoked_key(tmp_path: Path) -> None:
    request = line("audio-start", **HEADER)
    settings = {"GATEWAY_MAX_SESSIONS": "2", "GATEWAY_WYOMING_PORT": str(KEYED_PORT)}
    async with keyed_port(tmp_path, "GATEWAY_WYOMING_KEY", settings) as keyed:
        other = await keyed.keys.create("other", ("stream",), QuotaLimits())
        async with client(KEYED_PORT) as holder:
            await send(holder, [Transcribe(), AudioStart(**HEADER), Ping()])
            assert [event.type for event in await events_until(holder, "pong")] == ["pong"]
            assert (await error_of(request, KEYED_PORT))["code"] == "over_quota"
            headers = {"Authorization": f"Bearer {other}"}
            async with connect(stream_url(keyed.system.urls[0]), additional_headers=headers) as socket:
                await socket.send(Start().model_dump_json())
                assert json.loads(await socket.recv())["type"] == "ready"
                assert (await error_of(request, KEYED_PORT))["code"] == "overloaded"
            silence = AudioChunk(**HEADER, audio=bytes(2 * SAMPLES))
            assert text_of(await transcribed(holder, [silence, AudioStop()])) == ""
        await keyed.revoke()
        # The key of the port has no effect on what is public.
        assert (await asyncio.wait_for(described(KEYED_PORT), 20)).asr
        assert (await error_of(request, KEYED_PORT))["code"] == "unauthorized"


async def test_a_gateway_that_shuts_down_ends_all_connections(tmp_path: Path) -> None:
    environment = {**NO_LOAD_LIMIT, "GATEWAY_WYOMING_PORT": str(DRAINED_PORT), "GATEWAY_DRAIN_S": "2"}
    async with (
        running(system_plan(tmp_path, environment=environment), silent) as system,
        client(DRAINED_PORT) as idle,
        client(DRAINED_PORT) as open_client,
    ):
        await send(idle, [Ping()])
        await send(open_client, [AudioStart(**HEADER), Ping()])
        for connection in (idle, open_client):
            assert (await events_until(connection, "pong"))[-1].type == "pong"
        gateway = system.named("gateway-1")
        assert gateway.process
        gateway.stopping = True
        gateway.process.terminate()
        (error,) = await events_until(open_client, "error")
        assert error.data["code"] == "draining"
        assert await asyncio.wait_for(events_until(idle, "error"), 10) == []
        # Sooner than the idle timeout of 60 s, and without being killed.
        assert await asyncio.wait_for(gateway.process.wait(), 10) == 0
