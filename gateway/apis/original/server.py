"""The WebSocket port for clients of the first Nova Voice."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from gateway.access.auth import Caller
from gateway.apis.original.codec import OriginalCodec
from gateway.connection.handshake import serve_websocket
from gateway.server import GatewayServer, server_config
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from gateway.tcp.server import TcpPort

log = structlog.get_logger()


def original_port(settings: GatewaySettings) -> TcpPort:
    """Where these clients connect."""
    return TcpPort("ORIGINAL", settings.original_host, settings.original_port, settings.original_key.get_secret_value())


def check_original(settings: GatewaySettings) -> None:
    """Raise SetupError if the port would be open without a key."""
    original_port(settings).check(settings.auth)


@asynccontextmanager
async def original_listening(services: GatewayServices) -> AsyncIterator[None]:
    """Accept clients while the context is active, unless the port is 0. Then end those that remain."""
    port = original_port(services.settings)
    if not port.port:
        yield
        return
    server = GatewayServer(
        server_config(_application(services, port.key), services.settings, port.host, port.port, lifespan="off")
    )
    # Bound here: uvicorn would exit the process if the address is in use.
    serving = asyncio.create_task(server.serve([_bound(port)]))
    log.info("websocket_port_opened", protocol="original", host=port.host, port=port.port)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _bound(port: TcpPort) -> socket.socket:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    return socket.create_server((port.host, port.port), family=family)


def _application(services: GatewayServices, key: str) -> Starlette:
    async def transcribe(websocket: WebSocket) -> None:
        async def authenticate() -> Caller:
            return await services.auth.caller_on_port(websocket, key, "stream")

        codec = OriginalCodec(f"client_{secrets.token_hex(4)}")
        # A user may have to choose a source of audio first.
        wait_s = services.settings.idle_timeout_s
        await serve_websocket(websocket, services, codec, authenticate=authenticate, start_timeout_s=wait_s)

    return Starlette(routes=[WebSocketRoute("/", transcribe)])
