"""Serves a protocol over TCP on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from backend.errors import ClientError, SetupError
from backend.service.address import is_loopback
from backend.streams.redis.connection import REDIS_ERRORS
from gateway import metrics
from gateway.connection.codec import Codec
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.handshake import run_connection
from gateway.connection.session_opening import Opening
from gateway.connection.transport import Socket, Transport
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
    """Accept connections while the context is active, unless the port is 0."""
    if not port.port:
        yield
        return
    server = await asyncio.start_server(serve, port.host, port.port, limit=READ_LIMIT)
    log.info("tcp_port_opened", protocol=port.name.lower(), host=port.host, port=port.port)
    async with server:
        yield


async def serve_stream(services: GatewayServices, stream: StreamSocket, socket: Socket, codec: Codec, key: str) -> None:
    """Serve one connection until it closes. `socket` wraps the stream."""
    try:
        with ExitStack() as pending, metrics.ACTIVE_CONNECTIONS.track_inprogress():
            pending.enter_context(services.pending.counted(stream.address))
            caller = await services.auth.caller_of(key, "stream")
            transport = Transport.of(socket, codec, services.settings.outbox)
            await run_connection(services, Opening(caller, pending, codec.protocol), transport)
    except ClientError as error:
        await _refuse(socket, codec, error)
    except REDIS_ERRORS:
        await _refuse(socket, codec, RedisUnavailableError())
    finally:
        await stream.close(1011, "internal")


async def _refuse(socket: Socket, codec: Codec, error: ClientError) -> None:
    log.info("connection_refused", code=error.code)
    metrics.REJECTED.labels(error.code, codec.protocol).inc()
    await socket.close(error.close_code, error.code)
