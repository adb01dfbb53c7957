"""The socket of a call: silence in pauses, and no frame is lost while it waits."""

import asyncio
from typing import Any, cast

from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.apis.twilio.codec import MediaStreamCodec
from gateway.calls.call_socket import CallCodec, CallSocket
from gateway.calls.pauses import MAX_SILENCE_MS
from gateway.calls.webhooks import Webhooks

SETUP = '{"request":"setup","id":"1","codecs":[{"name":"ulaw"}]}'
TWILIO = '{"event":"start","start":{"callSid":"CA1","tracks":["inbound"]}}'


class _Frames:
    """A telephone system, whose frames a test chooses."""

    def __init__(self) -> None:
        self.arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_reading = False

    async def receive(self) -> Any:
        self.is_reading = True
        try:
            return await self.arriving.get()
        finally:
            self.is_reading = False

    async def send_text(self, data: str) -> None: ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


def socket_of(frames: _Frames, codec: CallCodec) -> CallSocket:
    return CallSocket(frames, codec, cast(Webhooks, None))


def engine() -> SpeechEngineCodec:
    codec = SpeechEngineCodec("call_1", {})
    codec.configure(SETUP)
    codec.open()
    return codec


async def test_silence_of_a_pause_ends_an_utterance_and_then_stops() -> None:
    frames = _Frames()
    call = socket_of(frames, engine())
    received = b""
    while len(received) < MAX_SILENCE_MS * 8:
        received += (await call.receive())["bytes"]
    assert set(received) == {0xFF}
    waiting = asyncio.create_task(call.receive())
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await frames.arriving.put({"type": "websocket.receive", "bytes": b"speech"})
    assert (await waiting)["bytes"] == b"speech"


async def test_a_frame_that_arrives_between_two_steps_is_not_lost() -> None:
    frames = _Frames()
    call = socket_of(frames, engine())
    assert set((await call.receive())["bytes"]) == {0xFF}
    await frames.arriving.put({"type": "websocket.receive", "bytes": b"a"})
    await frames.arriving.put({"type": "websocket.receive", "bytes": b"b"})
    assert [(await call.receive())["bytes"] for _ in range(2)] == [b"a", b"b"]


async def test_tracks_with_timestamps_get_no_silence_and_nothing_reads_after_the_end() -> None:
    frames, codec = _Frames(), MediaStreamCodec("call_1", {})
    codec.configure(TWILIO)
    call = socket_of(frames, codec)
    waiting = asyncio.create_task(call.receive())
    await asyncio.sleep(0.6)
    assert not waiting.done()
    assert frames.is_reading
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not frames.is_reading
