"""Refuses WebSockets at paths that the gateway does not serve, with a reason instead of an empty 403."""

from fastapi import APIRouter, WebSocket

from gateway.access.auth import Caller, RefusedError
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices

# The paths of all protocols, and what is served there.
WEBSOCKETS = {
    "/v1/stream": "native protocol",
    "/v1/realtime": "OpenAI",
    "/v1/listen": "Deepgram",
    "/v2/listen": "Deepgram Flux",
    "/transcribe-websocket": "Soniox",
    "/v1/twilio": "Twilio",
    "/v1/asterisk": "Asterisk",
    "/v1/aeap": "Asterisk's speech engine",
    "/v1/freeswitch": "FreeSWITCH",
    "/api/asr-streaming": "Kyutai",
    "/": "raw 24 kHz audio",
    "/v1/ai-voice": "streaming-STT module",
    "/v1/rooms/{room}": "readers of a room",
}
# Characters of the path that the message quotes.
MAX_PATH = 80


class UnknownPathError(RefusedError):
    """No WebSocket is served at the path."""

    code = "not_found"
    status = 404


def unknown_paths_router(services: GatewayServices) -> APIRouter:
    """All WebSocket paths. Include it after the other routers, and before the page is mounted."""
    router = APIRouter()

    @router.websocket("/{path:path}")
    async def unknown(websocket: WebSocket) -> None:
        async def authenticate() -> Caller:
            # First, because pages of foreign origins receive no answer.
            await services.auth.authenticate(websocket, "stream")
            raise UnknownPathError(_describe(websocket.url.path))

        await serve_websocket(websocket, services, authenticate=authenticate)

    return router


def _describe(path: str) -> str:
    served = ", ".join(f"{known} ({protocol})" for known, protocol in WEBSOCKETS.items())
    return f"no WebSocket is served at {path[:MAX_PATH]!r}. The paths are {served}"
