"""The WebSocket route `/v1/realtime`."""

import secrets

from fastapi import APIRouter, WebSocket

from gateway.apis.openai.client_secrets import configured
from gateway.apis.openai.models import is_served
from gateway.apis.openai.realtime_codec import RealtimeCodec
from gateway.apis.openai.realtime_session import TranscriptionSession, default_turn_detection
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices


def realtime_router(services: GatewayServices) -> APIRouter:
    """`/v1/realtime?intent=transcription`. The model may be in the URL or in the session."""
    router = APIRouter()

    def knows_model(name: str) -> bool:
        return is_served(name, services.admission.models)

    @router.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        model = websocket.query_params.get("model", "")
        model = model if knows_model(model) else ""
        session = TranscriptionSession(model=model, turn_detection=default_turn_detection(model))
        codec = RealtimeCodec(session, f"sess_{secrets.token_hex(12)}", knows_model)
        await serve_websocket(websocket, services, codec, lambda stored: codec.configure(configured(session, stored)))

    return router
