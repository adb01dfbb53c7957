"""The WebSocket of the streaming-STT module's protocol."""

import secrets
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, WebSocket

from backend.messages.protocol import Error
from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.ai_voice.wire import pack_json
from gateway.connection.codec import Frame
from gateway.connection.handshake import serve_websocket
from gateway.services import GatewayServices


def ai_voice_router(services: GatewayServices) -> APIRouter:
    """`/v1/ai-voice`."""
    router = APIRouter()

    @router.websocket("/v1/ai-voice")
    async def stream(websocket: WebSocket) -> None:
        codec = AiVoiceCodec(f"voice-{secrets.token_hex(8)}", services.clock.wall, may_choose=True)
        await serve_websocket(websocket, services, codec, outlet=PackingSocket(websocket, codec))

    return router


class PackingSocket:
    """A WebSocket that answers in the form of the client's last message."""

    def __init__(self, websocket: WebSocket, codec: AiVoiceCodec) -> None:
        self._websocket, self._codec = websocket, codec

    def error_frames(self, error: Error) -> Sequence[Frame]:
        """The frames of an error after which nothing can be sent."""
        return [pack_json(frame) if self._codec.is_packed else frame for frame in self._codec.encode(error)]

    async def receive(self) -> Any:
        """The next frame."""
        return await self._websocket.receive()

    async def send_text(self, data: str) -> None:
        """Send a message, as MessagePack in a binary frame if the client does."""
        if self._codec.is_packed:
            await self._websocket.send_bytes(pack_json(data))
        else:
            await self._websocket.send_text(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the connection."""
        await self._websocket.close(code, reason)
