"""The route of Soniox's real-time API."""

import asyncio

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection

from backend.errors import ProtocolError
from gateway.access.auth import Caller, ForeignOriginError, RefusedError
from gateway.apis.soniox.codec import SonioxCodec
from gateway.apis.soniox.configuration import invalid
from gateway.connection.handshake import accept, serve_websocket
from gateway.services import GatewayServices


def soniox_router(services: GatewayServices) -> APIRouter:
    """`/transcribe-websocket`."""
    router = APIRouter()

    @router.websocket("/transcribe-websocket")
    async def transcribe(websocket: WebSocket) -> None:
        codec = SonioxCodec()
        await serve_websocket(
            websocket, services, codec, authenticate=lambda: _authenticate(services, websocket, codec)
        )

    return router


async def _authenticate(services: GatewayServices, websocket: WebSocket, codec: SonioxCodec) -> Caller:
    """The caller by the key of the handshake. Older clients have it in their first message.

    A client reads no error before it has sent its first message.
    """
    try:
        return await services.auth.authenticate(websocket, "stream")
    except ForeignOriginError:
        raise
    except RefusedError as error:
        refused = error
    await accept(websocket, codec)
    key = codec.configure(await _first_text(websocket, services.settings.start_timeout_s))
    if not key or services.auth.presents_credential(websocket):
        raise refused
    headers = [*websocket.scope["headers"], (b"authorization", f"Bearer {key}".encode())]
    return await services.auth.authenticate(HTTPConnection({**websocket.scope, "headers": headers}), "stream")


async def _first_text(websocket: WebSocket, timeout_s: float) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            frame = await websocket.receive()
    except TimeoutError:
        raise ProtocolError(f"no frame received for {timeout_s:g} s", code="idle_timeout") from None
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", 1006))
    text: str | None = frame.get("text")
    if text is None:
        raise invalid("the first message must be a configuration as JSON")
    return text
