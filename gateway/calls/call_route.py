"""The start of a call on a WebSocket, its key, and its end, for all telephone systems."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from fastapi import WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection

from backend.errors import ProtocolError
from gateway.access.auth import Caller, with_key
from gateway.calls.call_socket import CallCodec, CallSocket
from gateway.calls.parameters import check_destination
from gateway.connection.handshake import accept, serve_websocket
from gateway.services import GatewayServices


class StartedCodec(CallCodec, Protocol):
    """A codec whose first frames start the call, and may contain the key."""

    def configure(self, frame: str | bytes) -> bool:
        """Take a frame. Return whether `parameters` are known now. Raises ProtocolError."""


async def serve_call(
    websocket: WebSocket, services: GatewayServices, codec: CallCodec, prepare: Callable[[], Awaitable[None]]
) -> None:
    """Serve one call. `prepare` makes the parameters known. It may raise RefusedError and ProtocolError."""
    call = CallSocket(websocket, codec, services.webhooks)

    async def authenticate() -> Caller:
        await prepare()
        return await _authenticate(websocket, services, codec)

    try:
        await serve_websocket(websocket, services, codec, authenticate=authenticate, outlet=call)
    finally:
        await call.finish("interrupted")


async def receive_start(websocket: WebSocket, services: GatewayServices, codec: StartedCodec) -> None:
    """Accept the WebSocket, and receive the frames that start the call. Raises ProtocolError."""
    await accept(websocket, codec)
    timeout_s = services.settings.start_timeout_s
    try:
        async with asyncio.timeout(timeout_s):
            while not codec.configure(await _next_frame(websocket)):
                pass
    except TimeoutError:
        raise ProtocolError(f"no start received for {timeout_s:g} s", code="idle_timeout") from None


def call_query(websocket: WebSocket) -> Mapping[str, str]:
    """The parameters in the URL. A key in it is accepted only where the settings allow it."""
    return {name: value for name, value in websocket.query_params.items() if name != "key"}


async def _authenticate(websocket: WebSocket, services: GatewayServices, codec: CallCodec) -> Caller:
    """The caller by the key in the parameters of the call, or in the handshake."""
    parameters = codec.parameters
    assert parameters
    key = parameters.key or basic_password(websocket)
    caller = await services.auth.authenticate(with_key(websocket, key) if key else websocket, "stream")
    check_destination(parameters, services.webhooks.accepts(parameters.webhook), replies=codec.replies)
    return caller


def basic_password(connection: HTTPConnection) -> str:
    """The password of HTTP's basic authentication, the only one that some telephone systems have; "" without one."""
    kind, _, encoded = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _next_frame(websocket: WebSocket) -> str | bytes:
    frame = await websocket.receive()
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", 1006))
    text: str | None = frame.get("text")
    return (frame.get("bytes") or b"") if text is None else text
