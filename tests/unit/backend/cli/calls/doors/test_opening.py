"""The start of a simulated call on a real WebSocket."""

import json

import pytest
from websockets.asyncio.server import ServerConnection, serve

from backend.cli.calls.doors.connections import WebSocketConnection
from backend.cli.calls.doors.dialects import TwilioDialect
from backend.cli.calls.doors.opening import DialectCall
from backend.client.connection import ServerError, connect_socket

REFUSAL = {"event": "error", "payload": {"code": "unauthorized", "detail": "not signed"}}


async def test_a_call_that_is_refused_before_its_first_frame_says_why() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.send(json.dumps(REFUSAL))
        await connection.close(1008, "unauthorized")

    async with serve(refuse, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with await connect_socket(f"ws://127.0.0.1:{port}") as socket:
            await socket.wait_closed()
            call = DialectCall(WebSocketConnection(socket), TwilioDialect(1, "MZ1", {}))
            await call.begin()
            with pytest.raises(ServerError, match="not signed"):
                async for _ in call:
                    pass
