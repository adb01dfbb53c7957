"""Serves a protocol over TCP on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import WebSocketDisconnect

from backend.errors import ClientError, SetupError
from backend.messages.protocol import Error
from backend.service.address import is_loopback
from backend.streams.redis.connection import REDIS_ERRORS
from gateway import metrics
from gateway.connection.codec import Codec
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.handshake import run_connection
from gateway.connection.session_opening import Opening
from gateway.connection.transport import Socket, Transport, send_frame
from gateway.services import GatewayServices
from gateway.tcp.stream_socket import StreamSocket

# Bytes of one line or frame that are read ahead.
READ_LIMIT = 1 << 17

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TcpPort:
    """Where a protocol is served. Its clients cannot present a key, so `key` is that of all of them."""

    name: str
    host: str
    port: int
    key: str

    def check(self, auth: str) -> None:
        """Raise SetupError if callers without a key could reach a gateway that requires one."""
        required = auth == "keys" or (auth == "auto" and not is_loopback(self.host))
        if self.port and required and not self.key:
            raise SetupError(f"GATEWAY_{self.name}_KEY: this gateway requires a key, so its {self.name} port needs one")


@asynccontextmanager
async def listening(
    port: TcpPort, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[None]:
    """Accept connections while the context is active, unless the port is 0. Then end those that remain."""
    if not port.port:
        yield
        return
    connections: set[asyncio.Task[Any] | None] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(task := asyncio.current_task())
        try:
            await serve(reader, writer)
        finally:
            connections.discard(task)

    server = await asyncio.start_server(accept, port.host, port.port, limit=READ_LIMIT)
    log.info("tcp_port_opened", protocol=port.name.lower(), host=port.host, port=port.port)
    async with server:
        yield
        server.close()
        # From Python 3.12 on, a server waits for its connections, and an idle client may stay for minutes.
        await _end(connections)


async def _end(connections: set[asyncio.Task[Any] | None]) -> None:
    tasks = [task for task in connections if task]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def serve_stream(services: GatewayServices, stream: StreamSocket, socket: Socket, codec: Codec, key: str) -> None:
    """Serve a connection with one session until it closes. `socket` wraps the stream."""
    try:
        await serve_session(services, stream.address, socket, codec, key)
    finally:
        await stream.close(1011, "internal")
        await stream.release()


async def serve_session(services: GatewayServices, address: str, socket: Socket, codec: Codec, key: str) -> None:
    """Serve one session of a client at this address."""
    try:
        with ExitStack() as pending, metrics.ACTIVE_CONNECTIONS.track_inprogress():
            pending.enter_context(services.pending.counted(address))
            caller = await services.auth.caller_of(key, "stream")
            transport = Transport.of(socket, codec, services.settings.outbox)
            await run_connection(services, Opening(caller, pending, codec.protocol), transport)
    except ClientError as error:
        await refuse_stream(socket, codec, error)
    except REDIS_ERRORS:
        await refuse_stream(socket, codec, RedisUnavailableError())


async def refuse_stream(socket: Socket, codec: Codec, error: ClientError) -> None:
    """Send an error to a client without a session, and close its connection."""
    log.info("connection_refused", code=error.code)
    metrics.REJECTED.labels(error.code, codec.protocol).inc()
    event = Error(code=error.code, message=error.message, fatal=True, retry_after_s=error.retry_after_s)
    with suppress(WebSocketDisconnect, OSError):
        for frame in codec.encode(event):
            await send_frame(socket, frame)
    await socket.close(*codec.close_frame(error.close_code, error.code))
