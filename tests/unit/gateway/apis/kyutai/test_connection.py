"""Whole connections of Kyutai's clients without sockets, in virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.requests import HTTPConnection

from gateway.apis.kyutai.routes import info, key_of, kyutai_router
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import MemoryClient, MemoryGateway

RATE, STEP = 24_000, 1_920
SOUND = np.random.default_rng(1).normal(0, 0.2, RATE).clip(-1, 1)
SILENCE = np.zeros(RATE)


@dataclass
class KyutaiClient(MemoryClient):
    """`replies`: the messages that it received. `refusal`: the status and the body of a refused handshake."""

    path: str = "/api/asr-streaming"
    query: str = ""
    replies: list[Any] = field(default_factory=list)
    are_binary: set[bool] = field(default_factory=set)
    refusal: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Queues the handshake, before any frame.
        self._scope = self.websocket().scope
        self._scope["extensions"]["websocket.http.response"] = {}

    async def serve(self, gateway: MemoryGateway) -> None:
        app = FastAPI()
        app.include_router(kyutai_router(gateway.services))
        address = {"path": self.path, "query_string": self.query.encode(), "root_path": "", "subprotocols": []}
        scope = {**self._scope, **address, "scheme": "ws", "server": ("localhost", 80)}
        await app(scope, self._incoming.get, self._receive)

    def say(self, **message: Any) -> None:
        self.send_frame(msgpack.packb(message, use_single_float=True))

    async def play(self, sound: Any) -> None:
        """Send audio in real time, as Kyutai's scripts do."""
        for at in range(0, len(sound), STEP):
            self.say(type="Audio", pcm=[float(sample) for sample in sound[at : at + STEP]])
            await asyncio.sleep(STEP / RATE)

    def of_type(self, kind: str) -> list[Any]:
        return [reply for reply in self.replies if reply["type"] == kind]

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            frame = message.get("bytes")
            self.are_binary.add(frame is not None)
            self.replies.append(json.loads(message["text"]) if frame is None else msgpack.unpackb(frame))
            message = {"type": "websocket.sent"}
        elif message["type"].startswith("websocket.http.response"):
            self.refusal.append(message.get("status") or json.loads(message["body"]))
        await super()._receive(message)


@asynccontextmanager
async def connected(gateway: MemoryGateway, **options: Any) -> AsyncIterator[KyutaiClient]:
    client = KyutaiClient(**options)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(client.serve(gateway))
        yield client
        client.leave()
        await serving


async def failed(*frames: str | bytes, **settings: Any) -> KyutaiClient:
    """A client whose frames end its connection."""
    client = KyutaiClient()
    for frame in frames:
        client.send_frame(frame)
    await client.serve(MemoryGateway(**settings))
    assert client.are_binary == {True}
    return client


@virtual_time
async def test_a_conversation_as_unmute_has_it() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), connected(gateway) as client:
        await client.wait_for(lambda: client.replies)
        assert client.replies == [{"type": "Ready"}]
        await client.play(SOUND)
        client.say(type="Marker", id=42)
        await client.play(SILENCE)
        await client.wait_for(lambda: client.of_type("Marker"))
    assert client.are_binary == {True}
    kinds = [reply["type"] for reply in client.replies if reply["type"] != "Step"]
    assert kinds == ["Ready", "Word", "EndWord", "Word", "EndWord", "Marker"]
    assert [word["text"] for word in client.of_type("Word")] == ["utterance", "1"]
    times = [word["start_time"] for word in client.of_type("Word")]
    assert 0 <= times[0] < times[1] < 1.1
    assert client.of_type("Marker") == [{"type": "Marker", "id": 42}]


@virtual_time
async def test_steps_show_speech_and_the_pause_after_it_at_12_5_hz() -> None:
    gateway = MemoryGateway()
    async with gateway.worker(), connected(gateway) as client:
        for sound in (SILENCE, SOUND, SILENCE):
            await client.play(sound)
        await client.wait_for(lambda: len(client.of_type("Step")) == 3 * RATE // STEP)
    steps = client.of_type("Step")
    assert [step["step_idx"] for step in steps] == list(range(37))
    pauses = [step["prs"][2] for step in steps]
    # Speech from the 13th to the 25th step; 0.6 s of silence ends it.
    assert pauses[:12] == [1.0] * 12
    assert pauses[15:31] == [0.0] * 16
    assert pauses[35:] == [1.0] * 2


@virtual_time
async def test_the_end_of_the_audio_closes_the_connection_after_the_last_words() -> None:
    gateway, client = MemoryGateway(), KyutaiClient()
    async with gateway.worker(), asyncio.TaskGroup() as tasks:
        tasks.create_task(client.serve(gateway))
        await client.play(SOUND)
        client.send_frame(b"\0")
    assert [word["text"] for word in client.of_type("Word")] == ["utterance", "1"]
    assert client.close_code == 1000


@virtual_time
async def test_raw_audio_at_the_root_is_answered_with_json() -> None:
    gateway, client = MemoryGateway(), KyutaiClient(path="/")
    async with gateway.worker(), asyncio.TaskGroup() as tasks:
        tasks.create_task(client.serve(gateway))
        for at in range(0, RATE, 4_096):
            client.send_frame((SOUND[at : at + 4_096] * 32_767).astype("<i2").tobytes())
            await asyncio.sleep(0.17)
        client.send_frame(b"")
    assert client.are_binary == {False}
    assert [reply.get("text", reply["type"]) for reply in client.replies] == [
        *("Ready", "utterance", "EndWord", "1", "EndWord")
    ]


@pytest.mark.parametrize(
    ("frame", "message", "close_code"),
    [
        (b"hello", "a binary frame must be one message as MessagePack", 1007),
        ("hello", "messages are binary frames with MessagePack", 1007),
        (msgpack.packb({"type": "Audio", "pcm": "x"}), "pcm must be a list of samples", 1007),
        (msgpack.packb({"type": "Sing"}), "unknown message type 'Sing'", 1007),
        (bytes(300_000), "a message may have at most 262144 bytes", 1009),
    ],
)
@virtual_time
async def test_garbage_is_an_error_and_closes_the_connection(frame: Any, message: str, close_code: int) -> None:
    client = await failed(frame)
    assert client.replies == [{"type": "Ready"}, {"type": "Error", "message": message}]
    assert client.close_code == close_code


@virtual_time
async def test_a_client_that_sends_nothing_is_disconnected() -> None:
    client = await failed(idle_timeout_s=7)
    assert client.replies[-1] == {"type": "Error", "message": "no frame received for 7 s"}
    assert client.close_code == 1008


@virtual_time
async def test_a_gateway_without_room_sends_an_error_in_place_of_ready() -> None:
    gateway, client = MemoryGateway(max_sessions=1), KyutaiClient()
    async with connected(gateway) as first:
        await first.wait_for(lambda: first.replies)
        await client.serve(gateway)
    assert [reply["type"] for reply in client.replies] == ["Error"]
    assert client.are_binary == {True}
    assert client.close_code == 1013


@pytest.mark.parametrize("path", ["/", "/api/asr-streaming"])
@virtual_time
async def test_an_invalid_parameter_refuses_the_handshake(path: str) -> None:
    client = KyutaiClient(path=path, query="format=wav")
    await client.serve(MemoryGateway())
    status, body = client.refusal
    assert status == 400
    assert body["type"] == "Error"
    assert body["message"].startswith("format: ")


@virtual_time
async def test_sessions_have_their_own_label() -> None:
    labels = {"protocol": "kyutai"}
    before = REGISTRY.get_sample_value("nova_gateway_sessions_total", labels) or 0
    async with connected(MemoryGateway()) as client:
        await client.wait_for(lambda: client.replies)
    assert REGISTRY.get_sample_value("nova_gateway_sessions_total", labels) == before + 1


@pytest.mark.parametrize(
    ("headers", "query", "in_query", "key"),
    [
        ({"kyutai-api-key": "nova_a"}, "", False, "nova_a"),
        ({"kyutai-api-key": "nova_a"}, "auth_id=nova_b", True, "nova_a"),
        ({}, "auth_id=nova_b", True, "nova_b"),
        ({}, "auth_id=nova_b", False, ""),
        ({"authorization": "Bearer nova_c"}, "", False, ""),
    ],
)
def test_the_key_is_in_moshi_server_s_header_or_parameter(
    headers: dict[str, str], query: str, in_query: bool, key: str
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    connection = HTTPConnection({"type": "websocket", "headers": raw, "query_string": query.encode(), "path": "/"})
    assert key_of(connection, in_query=in_query) == key


async def test_the_description_names_the_addresses() -> None:
    described = json.loads(bytes((await info()).body))
    assert described["audio"] == {"sample_rate": RATE, "channels": 1, "encoding": "pcm_s16le"}
    assert {"/", "/api/asr-streaming", "/info"} <= set(described["endpoints"])
