"""The route of Asterisk's External Application Protocol."""

import asyncio
import secrets
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.calls.call_route import call_query, receive_start, serve_call
from gateway.services import GatewayServices

# Asterisk gives up a session whose `setup` is not answered within 1 s. Authentication, admission, the quota, the
# subscription and the session each wait for Redis: milliseconds, but longer where processes wait for a core.
ANSWER_AFTER_S = 0.5


def aeap_router(services: GatewayServices) -> APIRouter:
    """`/v1/aeap`."""
    router = APIRouter()

    @router.websocket("/v1/aeap")
    async def speech_engine(websocket: WebSocket) -> None:
        codec = SpeechEngineCodec(f"call_{secrets.token_hex(12)}", call_query(websocket))
        async with asyncio.TaskGroup() as tasks:
            answering: list[asyncio.Task[None]] = []

            async def prepare() -> None:
                await receive_start(websocket, services, codec)
                answering.append(tasks.create_task(answer_in_time(websocket, codec)))

            try:
                await serve_call(websocket, services, codec, prepare)
            finally:
                for task in answering:
                    task.cancel()

    return router


async def answer_in_time(websocket: WebSocket, codec: SpeechEngineCodec) -> None:
    """Answer `setup` before the session is open, if that takes long. A later refusal closes the connection."""
    await asyncio.sleep(ANSWER_AFTER_S)
    with suppress(WebSocketDisconnect, RuntimeError):
        for frame in codec.answer_setup():
            await websocket.send_text(frame)
