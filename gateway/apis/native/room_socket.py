"""The WebSocket `/v1/rooms/{room}`: the captions of a room as text frames. Frames of readers are ignored."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from operator import attrgetter

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.errors import ClientError
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.pending import address_of
from gateway.apis.responses import http_status
from gateway.connection.codec import NativeCodec
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.direct_writer import EXTENSION
from gateway.connection.handshake import accept, refuse
from gateway.connection.transport import SEND_TIMEOUT_S
from gateway.rooms.access import admitted
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.reader import RoomReader
from gateway.rooms.reading import parse_reading
from gateway.services import GatewayServices

# Close codes by the reason. A reader may connect again after all of them except 1008.
CLOSE_CODES = {"link_ended": 1008, "key_ended": 1008, "draining": 1012}


def room_socket_router(services: GatewayServices) -> APIRouter:
    """The WebSocket of rooms."""
    router = APIRouter()

    @router.websocket("/v1/rooms/{room}")
    async def read(websocket: WebSocket) -> None:
        codec = NativeCodec()
        async with AsyncExitStack() as stack:
            try:
                reader = await _admit(services, websocket, stack)
            except ClientError as error:
                await refuse(websocket, codec, error, http_status(error))
                return
            except REDIS_ERRORS:
                await refuse(websocket, codec, RedisUnavailableError(), 503)
                return
            with suppress(WebSocketDisconnect):
                await accept(websocket, codec)
                await _serve(websocket, reader)

    return router


async def _admit(services: GatewayServices, websocket: WebSocket, stack: AsyncExitStack) -> RoomReader:
    with services.pending.counted(address_of(websocket)):
        reading = parse_reading(websocket.path_params["room"], websocket.query_params)
        reading = await admitted(services, websocket, reading)
        return await stack.enter_async_context(services.feeds.read(reading))


async def _serve(websocket: WebSocket, reader: RoomReader) -> None:
    leaving = asyncio.create_task(_end_when_left(websocket, reader))
    try:
        reader.attach(websocket.scope["extensions"][EXTENSION], attrgetter("websocket_frame"))
        await reader.wait_until_ended()
        await _send_rest(websocket, reader.detach())
    except TimeoutError:
        reader.end("too_slow")
    finally:
        leaving.cancel()
    if reader.ended != "left":
        await websocket.close(CLOSE_CODES.get(reader.ended, 1013), reader.ended)


async def _send_rest(websocket: WebSocket, frames: Iterable[CaptionFrame]) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        for frame in frames:
            await websocket.send_text(frame.json)


async def _end_when_left(websocket: WebSocket, reader: RoomReader) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    reader.end("left")
