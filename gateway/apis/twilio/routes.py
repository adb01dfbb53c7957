"""The route of Twilio Media Streams."""

import asyncio
import secrets

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.errors import ProtocolError
from gateway.access.auth import Caller, RefusedError, with_key
from gateway.apis.twilio.codec import MediaStreamCodec
from gateway.apis.twilio.signature import is_signed
from gateway.calls.call_socket import CallSocket
from gateway.calls.parameters import check_destination
from gateway.connection.handshake import accept, serve_websocket
from gateway.services import GatewayServices


def twilio_router(services: GatewayServices) -> APIRouter:
    """`/v1/twilio`."""
    router = APIRouter()

    @router.websocket("/v1/twilio")
    async def media_stream(websocket: WebSocket) -> None:
        query = {name: value for name, value in websocket.query_params.items() if name != "key"}
        codec = MediaStreamCodec(f"call_{secrets.token_hex(12)}", query)
        call = CallSocket(websocket, codec, services.webhooks)

        async def authenticate() -> Caller:
            return await _authenticate(services, websocket, codec)

        try:
            await serve_websocket(websocket, services, codec, authenticate=authenticate, outlet=call)
        finally:
            await call.finish("interrupted")

    return router


async def _authenticate(services: GatewayServices, websocket: WebSocket, codec: MediaStreamCodec) -> Caller:
    """The caller by the key in the parameters of the call, or in the handshake."""
    if token := services.settings.twilio_token.get_secret_value():
        _check_signature(websocket, token)
    await accept(websocket, codec)
    await _receive_start(websocket, codec, services.settings.start_timeout_s)
    assert codec.parameters
    connection = with_key(websocket, codec.parameters.key) if codec.parameters.key else websocket
    caller = await services.auth.authenticate(connection, "stream")
    check_destination(codec.parameters, services.webhooks.accepts(codec.parameters.webhook))
    return caller


async def _receive_start(websocket: WebSocket, codec: MediaStreamCodec, timeout_s: float) -> None:
    """Receive the messages up to `start`. Raises ProtocolError."""
    try:
        async with asyncio.timeout(timeout_s):
            while not codec.configure(await _next_text(websocket)):
                pass
    except TimeoutError:
        raise ProtocolError(f"no start received for {timeout_s:g} s", code="idle_timeout") from None


def _check_signature(websocket: WebSocket, token: str) -> None:
    scope, headers = websocket.scope, websocket.headers
    query = scope.get("query_string", b"").decode("latin-1")
    target = scope["path"] + (f"?{query}" if query else "")
    if not is_signed(headers.get("x-twilio-signature", ""), headers.get("host", ""), target, token):
        raise RefusedError("the request is not signed with the auth token of the account")


async def _next_text(websocket: WebSocket) -> str:
    frame = await websocket.receive()
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", 1006))
    text: str | None = frame.get("text")
    if text is None:
        raise ProtocolError("messages are text frames", code="invalid_message")
    return text
