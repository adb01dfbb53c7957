"""The route of FreeSWITCH's modules."""

import secrets

from fastapi import APIRouter, WebSocket

from gateway.apis.freeswitch.codec import AudioForkCodec
from gateway.calls.call_route import call_query, receive_start, serve_call
from gateway.services import GatewayServices


def freeswitch_router(services: GatewayServices) -> APIRouter:
    """`/v1/freeswitch`."""
    router = APIRouter()

    @router.websocket("/v1/freeswitch")
    async def audio_fork(websocket: WebSocket) -> None:
        codec = AudioForkCodec(f"call_{secrets.token_hex(12)}", call_query(websocket))
        await serve_call(websocket, services, codec, lambda: receive_start(websocket, services, codec))

    return router
