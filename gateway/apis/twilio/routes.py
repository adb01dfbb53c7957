"""The route of Twilio Media Streams."""

import secrets

from fastapi import APIRouter, WebSocket

from gateway.access.auth import RefusedError
from gateway.apis.twilio.codec import MediaStreamCodec
from gateway.apis.twilio.signature import is_signed
from gateway.calls.call_route import call_query, receive_start, serve_call
from gateway.services import GatewayServices


def twilio_router(services: GatewayServices) -> APIRouter:
    """`/v1/twilio`."""
    router = APIRouter()

    @router.websocket("/v1/twilio")
    async def media_stream(websocket: WebSocket) -> None:
        codec = MediaStreamCodec(f"call_{secrets.token_hex(12)}", call_query(websocket))

        async def prepare() -> None:
            if token := services.settings.twilio_token.get_secret_value():
                _check_signature(websocket, token)
            await receive_start(websocket, services, codec)

        await serve_call(websocket, services, codec, prepare)

    return router


def _check_signature(websocket: WebSocket, token: str) -> None:
    scope, headers = websocket.scope, websocket.headers
    query = scope.get("query_string", b"").decode("latin-1")
    target = scope["path"] + (f"?{query}" if query else "")
    if not is_signed(headers.get("x-twilio-signature", ""), headers.get("host", ""), target, token):
        raise RefusedError("the request is not signed with the auth token of the account")
