"""Calls over Twilio Media Streams: both speakers at the webhook, and errors that harm no neighbour."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.local.processes import free_port
from backend.local.system import System, running
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client
from gateway.apis.twilio.signature import sign
from gateway.calls.signature import signed_headers
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import RATE, Clip, shortest_clip
from tests.testkit.audio.telephone import mulaw
from tests.testkit.cli import silent
from tests.testkit.rooms import reading
from tests.testkit.servers.callback_server import CallbackRequest, CallbackServer, callback_server
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(180)

TOKEN, SECRET = "twilio-token", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = {
    **NO_LOAD_LIMIT,
    "GATEWAY_AUTH": "keys",
    "GATEWAY_TWILIO_TOKEN": TOKEN,
    "GATEWAY_WEBHOOK_SECRET": SECRET,
    "GATEWAY_START_TIMEOUT_S": "3",
    "GATEWAY_IDLE_TIMEOUT_S": "5",
}
PACKET = 160


@pytest.fixture(scope="module")
def receiver() -> Iterator[CallbackServer]:
    with callback_server() as server:
        yield server


@pytest.fixture(scope="module")
def guarded(receiver: CallbackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two gateways that require a key and a signature, and a recognizer that names what it gets."""
    environment = {**SETTINGS, "GATEWAY_CALL_WEBHOOK": receiver.url("/calls")}
    plan = system_plan(tmp_path_factory.mktemp("twilio"), gateways=2, environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture(scope="module")
def tracks(speech_clips: list[Clip]) -> tuple[NDArray[np.int16], ...]:
    """Three seconds of speech on each track, the second one later, and then silence."""
    talk = shortest_clip(speech_clips, 2.5).pcm()[: 3 * RATE]
    pause = np.zeros(RATE, np.int16)
    return (np.concatenate([talk, pause, pause]), np.concatenate([pause, talk, pause]))


def address(system: System, gateway: int = 0) -> str:
    return system.urls[gateway].replace("http", "ws", 1) + "/v1/twilio"


def dialled(system: System, gateway: int = 0, token: str = TOKEN) -> connect:
    url = address(system, gateway)
    return connect(url, additional_headers={"X-Twilio-Signature": sign(url, token)})


def start(key: str, tracks: Sequence[str] = ("inbound", "outbound"), **parameters: str) -> str:
    audio = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    part = {"callSid": "CA1", "tracks": list(tracks), "mediaFormat": audio}
    return json.dumps(
        {"event": "start", "streamSid": "MZ1", "start": {**part, "customParameters": {"key": key, **parameters}}}
    )


def media(track: str, samples: bytes, at: int) -> str:
    part = {"track": track, "timestamp": str(1000 * at // 8_000), "payload": base64.b64encode(samples).decode()}
    return json.dumps({"event": "media", "media": part})


async def call(socket: ClientConnection, key: str, *pcm: NDArray[np.int16], **parameters: str) -> None:
    """Play a call at four times its speed, and hang up."""
    await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    await socket.send(start(key, ("inbound", "outbound")[: len(pcm)], **parameters))
    coded = [mulaw(one) for one in pcm]
    for at in range(0, len(coded[0]), PACKET):
        for track, samples in zip(("inbound", "outbound"), coded, strict=False):
            await socket.send(media(track, samples[at : at + PACKET], at))
        await asyncio.sleep(0.005)
    await socket.send('{"event":"stop"}')


def of_call(requests: Sequence[CallbackRequest], name: str) -> list[dict[str, Any]]:
    bodies = [json.loads(request.body) for request in requests]
    return [body for body in bodies if body["call"]["parameters"].get("name") == name]


async def ended(receiver: CallbackServer, name: str, timeout_s: float = 40) -> list[dict[str, Any]]:
    """All events of a call, once its last one has arrived."""
    async with asyncio.timeout(timeout_s):
        while True:
            events = of_call(receiver.requests, name)
            if any(event["type"] == "call.ended" for event in events):
                return events
            await asyncio.sleep(0.1)


async def failure(system: System, *frames: str | bytes, token: str = TOKEN) -> tuple[str, int | None]:
    """The code of the error that Twilio shows, and the close code."""
    code = ""
    async with dialled(system, token=token) as socket:
        with suppress(ConnectionClosed):  # refused before it has sent all
            for frame in frames:
                await socket.send(frame)
        try:
            while True:
                code = json.loads(await asyncio.wait_for(socket.recv(), 20))["payload"]["code"]
        except ConnectionClosed:
            return code, socket.close_code


async def test_both_speakers_reach_the_webhook_in_order_although_the_call_has_ended(
    guarded: System, receiver: CallbackServer, tracks: tuple[NDArray[np.int16], ...]
) -> None:
    async with dialled(guarded) as socket:
        await call(socket, guarded.key, *tracks, name="both")
    events = await ended(receiver, "both")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["reason"]) == ("call.started", "completed")
    finals = [event for event in events if event["type"] == "call.final"]
    assert {final["speaker"] for final in finals} == {"inbound", "outbound"}
    assert [final["start_ms"] for final in finals] == sorted(final["start_ms"] for final in finals)
    assert "nova_" not in json.dumps(events), "the key must not leave the gateway"


async def test_readers_of_a_room_follow_both_speakers_of_a_call(
    guarded: System, receiver: CallbackServer, tracks: tuple[NDArray[np.int16], ...]
) -> None:
    owner = {"Authorization": f"Bearer {guarded.key}"}
    async with dialled(guarded) as socket:
        await call(socket, guarded.key, *tracks, name="published", room="published")
    spoken = [event["text"] for event in await ended(receiver, "published") if event["type"] == "call.final"]
    async with reading(guarded.urls[1], "published", owner, lines=10) as reader:
        assert sorted(await reader.wait_for_finals(len(spoken))) == sorted(spoken)
    assert {caption["speaker"] for caption in reader.captions} == {"1", "2"}


async def test_a_receiver_that_fails_gets_all_events_in_order(
    guarded: System, receiver: CallbackServer, tracks: tuple[NDArray[np.int16], ...]
) -> None:
    receiver.statuses.extend([500, 500, 302])
    async with dialled(guarded) as socket:
        await call(socket, guarded.key, tracks[0], name="failing")
    events = await ended(receiver, "failing")
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(sequences)
    assert sequences.count(1) == 4, "the first event was refused three times"
    assert len({event["id"] for event in events}) == max(sequences)


async def test_garbage_wrong_order_keys_and_signatures_are_typed_errors(
    guarded: System, receiver: CallbackServer, tracks: tuple[NDArray[np.int16], ...]
) -> None:
    key = guarded.key
    redis: Redis = client(guarded.redis_url)
    small = await ApiKeys(redis).create("ada", ("stream",), QuotaLimits(sessions=1))
    await redis.aclose()
    async with dialled(guarded) as socket, asyncio.TaskGroup() as tasks:
        neighbour = tasks.create_task(call(socket, key, *tracks, name="neighbour"))
        attempts = {
            "garbage": failure(guarded, "hello"),
            "nested": failure(guarded, start(key), "[" * 60_000),
            "binary": failure(guarded, start(key), b"\x00\x01"),
            "media first": failure(guarded, media("inbound", b"x", 0)),
            "two starts": failure(guarded, start(key), start(key)),
            "no base64": failure(guarded, start(key), '{"event":"media","media":{"payload":"%"}}'),
            "stall": failure(guarded),
            "no key": failure(guarded, start("")),
            "wrong key": failure(guarded, start("nova_wrong")),
            "one session, two tracks": failure(guarded, start(small)),
            "webhook of the caller": failure(guarded, start(key, webhook="http://10.0.0.1/")),
            "wrong language": failure(guarded, start(key, language="xx")),
            "signature": failure(guarded, start(key), token="wrong"),
        }
        failures = {name: await attempt for name, attempt in attempts.items()}
        await neighbour
    assert failures == {
        "garbage": ("invalid_json", 1007),
        "nested": ("invalid_json", 1007),
        "binary": ("invalid_message", 1008),
        "media first": ("not_started", 1008),
        "two starts": ("invalid_message", 1008),
        "no base64": ("invalid_audio", 1008),
        "stall": ("idle_timeout", 1008),
        "no key": ("unauthorized", 1008),
        "wrong key": ("unauthorized", 1008),
        "one session, two tracks": ("over_quota", 1013),
        "webhook of the caller": ("invalid_parameter", 1008),
        "wrong language": ("unsupported_language", 1008),
        "signature": ("unauthorized", 1008),
    }
    events = await ended(receiver, "neighbour")
    assert events[-1]["reason"] == "completed"
    assert not [event for event in events if event["type"] == "call.error"]


async def test_events_survive_the_gateway_that_received_the_call(
    guarded: System, receiver: CallbackServer, tracks: tuple[NDArray[np.int16], ...]
) -> None:
    receiver.statuses.extend([503] * 4)
    async with dialled(guarded, 1) as socket:
        await call(socket, guarded.key, tracks[0], name="survivor", events="socket")
        ends = False
        while not ends:
            body = json.loads(await asyncio.wait_for(socket.recv(), 30))
            ends = body["call"]["type"] == "call.ended"
    process = guarded.named("gateway-2").process
    assert process
    process.kill()
    events = await ended(receiver, "survivor", 90)
    assert {event["sequence"] for event in events} == set(range(1, events[-1]["sequence"] + 1))
    assert events[-1]["reason"] == "completed"


@pytest.mark.slow
async def test_a_receiver_that_is_down_for_a_minute_gets_everything_in_order(
    tracks: tuple[NDArray[np.int16], ...], tmp_path: Path
) -> None:
    port = free_port()
    environment = {**NO_LOAD_LIMIT, "GATEWAY_CALL_WEBHOOK": f"http://127.0.0.1:{port}/calls"}
    async with running(system_plan(tmp_path / "logs", environment=environment), silent) as system:
        async with connect(address(system)) as socket:
            await call(socket, "", *tracks, name="down")
        await asyncio.sleep(60)
        began = time.monotonic()
        with callback_server(port=port) as receiver:
            events = await ended(receiver, "down", 60)
    print(f"{len(events)} events within {time.monotonic() - began:.1f} s")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert {event["speaker"] for event in events if event["type"] == "call.final"} == {"inbound", "outbound"}
    assert events[-1]["reason"] == "completed"


def test_the_signature_covers_the_body() -> None:
    one, other = (signed_headers(SECRET, "a", body, 1, 1)["webhook-signature"] for body in ("b", "c"))
    assert one != other


async def test_speech_of_a_call_with_a_real_model(
    artifacts: Path, english: list[Clip], receiver: CallbackServer
) -> None:
    """Both speakers of a call, 8 kHz mu-law, with Whisper base."""
    first, second = (clip.pcm() for clip in english)
    both = np.zeros((RATE + max(len(first), len(second)) + RATE, 2), np.int16)
    both[: len(first), 0] = first
    both[RATE : RATE + len(second), 1] = second
    environment = {**NO_LOAD_LIMIT, "GATEWAY_CALL_WEBHOOK": receiver.url("/calls")}
    plan = system_plan(artifacts / "logs-twilio-real", stt_model="base", environment=environment)
    async with running(plan, silent) as system:
        async with connect(address(system)) as socket:
            await call(socket, "", both[:, 0], both[:, 1], name="real", language="en")
        events = await ended(receiver, "real", 100)
    for speaker, clip in zip(("inbound", "outbound"), english, strict=True):
        said = " ".join(event["text"] for event in events if event.get("speaker") == speaker and "text" in event)
        print(speaker, round(error_percent(clip, said), 1), said)
        assert error_percent(clip, said) <= 25.0
