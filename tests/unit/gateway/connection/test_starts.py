"""The first frames of a connection, on whole connections in virtual time."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from backend.errors import ProtocolError
from gateway.apis.deepgram.flux_codec import FluxCodec
from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.apis.soniox.codec import SonioxCodec
from gateway.connection.codec import Codec
from gateway.connection.handshake import MAX_START_S, serve_websocket
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import MemoryClient, MemoryGateway

CONFIGURATION = '{"model": "stt-rt-v5", "audio_format": "auto"}'


class Client(MemoryClient):
    """A client of another protocol than the native one. `sent`: the messages that it received."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.closed_at = 0.0

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self.sent.append(json.loads(message["text"]))
            return
        if message["type"] == "websocket.close":
            self.closed_at = asyncio.get_running_loop().time()
        await super()._receive(message)


async def served(codec: Codec, frames: list[str], every_s: float, **settings: Any) -> Client:
    """Send the frames, then nothing, and serve the connection until it is closed."""
    client, gateway = Client(), MemoryGateway(**settings)

    async def send() -> None:
        for frame in frames:
            client.send_frame(frame)
            await asyncio.sleep(every_s)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        await serve_websocket(client.websocket(), gateway.services, codec)
    return client


@virtual_time
async def test_keepalives_before_the_first_audio_keep_the_connection() -> None:
    began = asyncio.get_running_loop().time()
    client = await served(SonioxCodec(), [CONFIGURATION, *['{"type": "keepalive"}'] * 20], 5.0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(110, abs=1)
    assert [message["error_code"] for message in client.sent] == [408]


@virtual_time
async def test_keepalives_alone_do_not_keep_it_forever() -> None:
    began = asyncio.get_running_loop().time()
    codec = FluxCodec(FluxParameters(), "request")
    client = await served(codec, ['{"type": "KeepAlive"}'] * 100, 5.0)
    assert client.close_code is not None
    assert [message["type"] for message in client.sent] == ["Connected", "Error"]
    # The client sends until its last keepalive.
    assert client.closed_at - began == pytest.approx(MAX_START_S, abs=1)


class BrokenCodec(SonioxCodec):
    """A codec whose first items cannot be built."""

    def open(self) -> Any:
        raise ValueError("no such start")


@virtual_time
async def test_an_error_of_the_first_items_has_the_form_of_the_protocol() -> None:
    client = await served(BrokenCodec(), [], 0)
    assert [message["error_code"] for message in client.sent] == [500]
    assert client.close_code == 1011


@virtual_time
async def test_a_handshake_with_an_invalid_message_is_counted_as_rejected() -> None:
    labels = {"reason": "invalid_message", "protocol": "soniox"}
    before = REGISTRY.get_sample_value("nova_gateway_rejected_sessions_total", labels) or 0

    async def authenticate() -> Any:
        raise ProtocolError("no configuration", code="invalid_message")

    client = Client()
    await serve_websocket(client.websocket(), MemoryGateway().services, SonioxCodec(), authenticate=authenticate)
    assert [message["error_code"] for message in client.sent] == [400]
    assert REGISTRY.get_sample_value("nova_gateway_rejected_sessions_total", labels) == before + 1
