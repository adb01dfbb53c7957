"""The gateway process: `python -m gateway.gateway`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles

from backend.service import logging
from backend.service.heartbeat import beat
from backend.service.lifecycle import process_name
from backend.streams.connection import connect
from backend.streams.fanout import Fanout
from backend.streams.lanes import Lanes
from backend.streams.names import worker_key
from gateway import health
from gateway.settings import GatewaySettings
from gateway.socket import Services, serve
from gateway.vad import Silero

LARGEST_FRAME = 1 << 25
"""Bytes. Up to here an oversized frame gets a clear `error`; beyond, the WebSocket library closes with a bare 1009."""

log = structlog.get_logger()

NO_PAGE = "The page is not built. Install Node.js 20 or later, run `make page`, and start again. The API works.\n"
SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def build(settings: GatewaySettings) -> FastAPI:
    """The application; nothing is connected before its lifespan begins."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        redis = connect(settings)
        name = process_name()
        app.state.lanes = Lanes(redis, settings)
        app.state.services = Services(settings, app.state.lanes, Fanout(redis, name), Silero())
        about = {"kind": "gateway", "name": name, "version": version("nova-voice")}
        log.info("gateway_started", host=settings.host, port=settings.port)
        async with asyncio.TaskGroup() as background:
            tasks = (
                background.create_task(app.state.services.fanout.run()),
                background.create_task(beat(redis, worker_key("gateway", name), lambda: about)),
            )
            yield
            for task in tasks:
                task.cancel()
        await redis.aclose()
        log.info("gateway_stopped")

    app = FastAPI(title="Nova Voice", version=version("nova-voice"), lifespan=lifespan)
    app.include_router(health.router)

    @app.websocket("/v1/stream")
    async def stream(websocket: WebSocket) -> None:
        await serve(websocket, app.state.services)

    if (settings.page_dir / "index.html").is_file():
        app.mount("/", StaticFiles(directory=settings.page_dir, html=True))
    else:

        @app.get("/")
        async def no_page() -> PlainTextResponse:
            return PlainTextResponse(NO_PAGE)

    return app


def main() -> None:
    """Serve until SIGTERM."""
    settings = GatewaySettings()
    logging.configure("gateway", settings)
    uvicorn.run(
        build(settings), host=settings.host, port=settings.port, log_config=None, access_log=False,
        headers=[(name.decode(), value.decode()) for name, value in SECURITY_HEADERS], server_header=False,
        ws_max_size=LARGEST_FRAME, ws_per_message_deflate=False, ws_ping_timeout=120, timeout_graceful_shutdown=10,
    )  # fmt: skip


if __name__ == "__main__":
    main()
