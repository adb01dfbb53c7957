"""The route of Asterisk's WebSocket channel."""

import secrets

from fastapi import APIRouter, WebSocket

from gateway.apis.asterisk.codec import WebSocketChannelCodec
from gateway.calls.call_route import call_query, serve_call
from gateway.services import GatewayServices


def asterisk_router(services: GatewayServices) -> APIRouter:
    """`/v1/asterisk`."""
    router = APIRouter()

    @router.websocket("/v1/asterisk")
    async def media_channel(websocket: WebSocket) -> None:
        codec = WebSocketChannelCodec(f"call_{secrets.token_hex(12)}", call_query(websocket))

        async def prepare() -> None:
            codec.read_query()

        await serve_call(websocket, services, codec, prepare)

    return router
