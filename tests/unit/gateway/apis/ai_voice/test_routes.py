"""The WebSocket of the streaming-STT module's protocol, on whole connections in virtual time."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest

from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.ai_voice.routes import PackingSocket
from gateway.connection.handshake import serve_websocket
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.gateway.connection.memory_gateway import NOISE, MemoryClient, MemoryGateway

UTTERANCE = np.concatenate([NOISE, np.zeros_like(NOISE)])


class ModuleClient(MemoryClient):
    """A client that keeps its results: text frames, or binary ones."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str | bytes] = []

    async def _receive(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self.sent.append(message.get("text") or message["bytes"])
            return
        await super()._receive(message)


async def served(frames: list[str | bytes], every_s: float = 0.1) -> ModuleClient:
    client, gateway = ModuleClient(), MemoryGateway()
    websocket = client.websocket()
    codec = AiVoiceCodec("default", lambda: 1.0, may_choose=True)

    async def send() -> None:
        for frame in frames:
            client.send_frame(frame)
            await asyncio.sleep(every_s)

    async with gateway.worker(), asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        await serve_websocket(websocket, gateway.services, codec, outlet=PackingSocket(websocket, codec))
    return client


def messages(encode: Callable[[Any], Any]) -> list[Any]:
    parts = [UTTERANCE[at : at + 1_600].tobytes() for at in range(0, len(UTTERANCE), 1_600)]
    chunks = [{"type": "chunk", "audio_b64": base64.b64encode(part).decode()} for part in parts]
    start = {"type": "start", "session_id": "mine", "partials": False}
    return [encode(message) for message in (start, *chunks, {"type": "end"})]


@pytest.mark.parametrize(("encode", "decode"), [(msgpack.packb, msgpack.unpackb), (json.dumps, json.loads)])
@virtual_time
async def test_a_session_is_answered_in_the_form_of_its_messages(
    encode: Callable[[Any], Any], decode: Callable[[Any], Any]
) -> None:
    client = await served(messages(encode))
    (result,) = [decode(frame) for frame in client.sent]
    assert (result["transcript"], result["is_final"], result["session_id"]) == ("utterance 1", True, "mine")
    assert {type(frame) for frame in client.sent} == {type(encode({}))}
    assert client.close_code == 1000


@virtual_time
async def test_audio_before_start_is_an_error_that_closes_the_connection() -> None:
    client = await served(messages(msgpack.packb)[1:2])
    (error,) = [msgpack.unpackb(frame) for frame in client.sent]
    assert (error["type"], error["code"]) == ("error", "not_started")
    assert client.close_code == 1008


@virtual_time
async def test_garbage_without_end_closes_the_connection() -> None:
    client = await served([messages(json.dumps)[0], *[b"\xff\xfe"] * 400], 0.001)
    codes = {(json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame))["code"] for frame in client.sent}
    assert codes == {"invalid_message"}
    assert client.close_code is not None
    assert client.close_code != 1000
