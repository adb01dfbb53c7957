"""The route of Asterisk's External Application Protocol."""

import secrets

from fastapi import APIRouter, WebSocket

from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.calls.call_route import call_query, receive_start, serve_call
from gateway.services import GatewayServices


def aeap_router(services: GatewayServices) -> APIRouter:
    """`/v1/aeap`."""
    router = APIRouter()

    @router.websocket("/v1/aeap")
    async def speech_engine(websocket: WebSocket) -> None:
        codec = SpeechEngineCodec(f"call_{secrets.token_hex(12)}", call_query(websocket))
        await serve_call(websocket, services, codec, lambda: receive_start(websocket, services, codec))

    return router
