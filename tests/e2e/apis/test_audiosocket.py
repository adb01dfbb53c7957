"""Calls over AudioSocket with frames as Asterisk sends them: events at the webhook, errors, and a neighbour."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from backend.local.processes import free_port
from backend.local.system import System, running
from gateway.apis.audiosocket.codec import EVENT, to_frame
from gateway.apis.audiosocket.frames import SLIN8, silent_frame
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import keyed_port
from tests.testkit.audio.clips import RATE, Clip, shortest_clip
from tests.testkit.audio.telephone import at_8_khz
from tests.testkit.cli import silent
from tests.testkit.servers.callback_server import CallbackServer, callback_server
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(120)
PORT, KEYED_PORT, DRAINED_PORT = free_port(), free_port(), free_port()
ON_SOCKET = "events=socket"


@pytest.fixture(scope="module")
def receiver() -> Iterator[CallbackServer]:
    with callback_server() as server:
        yield server


@pytest.fixture(scope="module")
def system(receiver: CallbackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    environment = {
        **NO_LOAD_LIMIT,
        "GATEWAY_CALL_WEBHOOK": receiver.url("/calls"),
        "GATEWAY_AUDIOSOCKET_PORT": str(PORT),
        "GATEWAY_AUDIOSOCKET_OPTIONS": "language=en&site=lab",
        "GATEWAY_START_TIMEOUT_S": "3",
        "GATEWAY_IDLE_TIMEOUT_S": "3",
    }
    plan = system_plan(tmp_path_factory.mktemp("audiosocket"), environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


async def ended(receiver: CallbackServer, call: str) -> list[dict[str, Any]]:
    """All events of a call, once its last one has arrived."""
    async with asyncio.timeout(40):
        while True:
            bodies = [json.loads(request.body) for request in receiver.requests]
            events = [body for body in bodies if body["call"]["call_id"] == call]
            if any(event["type"] == "call.ended" for event in events):
                return events
            await asyncio.sleep(0.1)


async def last_frame(*frames: bytes, hang_up: bool = False, port: int = PORT) -> bytes:
    """Send frames, and return what the gateway sends before it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for frame in frames:
        writer.write(frame)
    if hang_up:
        writer.write_eof()
    try:
        return without_silence(await asyncio.wait_for(reader.read(), 30))
    finally:
        writer.close()


def without_silence(data: bytes) -> bytes:
    """The bytes without the frames that Asterisk gets while it sends nothing."""
    return data.replace(silent_frame(SLIN8), b"")


def spoken(clip: Clip) -> list[bytes]:
    pcm = np.concatenate([clip.pcm()[: 3 * RATE], np.zeros(RATE, np.int16)])
    data = at_8_khz(pcm).tobytes()
    return [to_frame(0x10, data[at : at + 320]) for at in range(0, len(data), 320)]


async def test_a_call_reaches_the_webhook_whether_it_hangs_up_or_is_cut(
    system: System, receiver: CallbackServer, speech_clips: list[Clip]
) -> None:
    talk = spoken(shortest_clip(speech_clips, 2.5))
    for last in (to_frame(0x00), b""):
        call = uuid4()
        closing = await last_frame(to_frame(0x01, call.bytes), to_frame(0x03, b"7"), *talk, last, hang_up=not last)
        assert closing == b"\x00\x00\x00"
        events = await ended(receiver, str(call))
        assert [event["type"] for event in events[:2]] == ["call.started", "call.dtmf"]
        assert any(event["type"] == "call.final" and event["text"] for event in events)
        assert (events[-1]["reason"], events[-1]["call"]["parameters"]) == ("completed", {"site": "lab"})


async def test_garbage_wrong_order_and_stalls_are_errors_and_a_neighbour_notices_nothing(
    system: System, receiver: CallbackServer, speech_clips: list[Clip]
) -> None:
    call, identity = uuid4(), to_frame(0x01, uuid4().bytes)
    talk = spoken(shortest_clip(speech_clips, 2.5))
    async with asyncio.TaskGroup() as tasks:
        neighbour = tasks.create_task(last_frame(to_frame(0x01, call.bytes), *talk, to_frame(0x00)))
        attempts = {
            "garbage": tasks.create_task(last_frame(b"GET / HTTP/1.1\r\n\r\n" * 5_000)),
            "audio first": tasks.create_task(last_frame(talk[0])),
            "another rate": tasks.create_task(last_frame(identity, talk[0], to_frame(0x12, bytes(640)))),
            "stall": tasks.create_task(last_frame()),
            "half a frame": tasks.create_task(last_frame(identity, talk[0], talk[0][:5])),
            "flood": tasks.create_task(last_frame(identity, talk[0], to_frame(0x10) * 100_000)),
        }
    assert neighbour.result() == b"\x00\x00\x00"
    assert {name: attempt.result()[3:].decode() for name, attempt in attempts.items()} == {
        "garbage": "not_started",
        "audio first": "not_started",
        "another rate": "invalid_audio",
        "stall": "idle_timeout",
        "half a frame": "idle_timeout",
        "flood": "too_many_frames",
    }
    assert all(attempt.result()[0] == 0xFF for attempt in attempts.values())
    events = await ended(receiver, str(call))
    assert not [event for event in events if event["type"] == "call.error"]


async def test_a_caller_who_sends_nothing_gets_silence_before_asterisk_would_end_the_call(system: System) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(to_frame(0x01, uuid4().bytes) + to_frame(0x12, bytes(640)))
    silence = silent_frame(0x12)
    for _ in range(2):
        # Asterisk waits for 2 s. The limit is for machines on which other programs run.
        assert await asyncio.wait_for(reader.readexactly(len(silence)), 10) == silence
    writer.close()


async def held(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A call whose session is open: its first event has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(to_frame(0x01, uuid4().bytes) + to_frame(0x10, bytes(320)))
    assert await asyncio.wait_for(reader.readexactly(1), 20) == bytes([EVENT])
    await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    return reader, writer


def code_of(data: bytes) -> str:
    """The code in the last frame."""
    before, separator, code = data.rpartition(bytes([0xFF, 0]))
    assert separator, before
    return code[1:].decode()


async def test_the_key_of_the_port_has_a_quota_and_can_be_revoked(tmp_path: Path) -> None:
    identity, audio = to_frame(0x01, uuid4().bytes), to_frame(0x10, bytes(320))
    settings = {"GATEWAY_AUDIOSOCKET_PORT": str(KEYED_PORT), "GATEWAY_AUDIOSOCKET_OPTIONS": ON_SOCKET}
    async with keyed_port(tmp_path, "GATEWAY_AUDIOSOCKET_KEY", settings) as keyed:
        _, holder = await held(KEYED_PORT)
        assert code_of(await last_frame(identity, audio, port=KEYED_PORT)) == "over_quota"
        holder.close()
        await keyed.revoke()
        assert code_of(await last_frame(identity, audio, port=KEYED_PORT)) == "unauthorized"


async def test_a_gateway_that_shuts_down_ends_a_call(tmp_path: Path) -> None:
    settings = {"GATEWAY_AUDIOSOCKET_PORT": str(DRAINED_PORT), "GATEWAY_AUDIOSOCKET_OPTIONS": ON_SOCKET}
    environment = {**NO_LOAD_LIMIT, **settings, "GATEWAY_DRAIN_S": "2"}
    async with running(system_plan(tmp_path, environment=environment), silent) as system:
        reader, writer = await held(DRAINED_PORT)
        gateway = system.named("gateway-1")
        assert gateway.process
        gateway.stopping = True
        gateway.process.terminate()
        assert code_of(await asyncio.wait_for(reader.read(), 30)) == "draining"
        writer.close()
