"""The gateway process: `python -m gateway.gateway`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse
from threadpoolctl import threadpool_limits

from backend.service import logging, tracing
from backend.service.lifecycle import freeze_startup_objects, serve_until_signalled
from backend.service.metrics import export_build_info
from backend.streams.access.api_keys import ApiKeys
from backend.streams.redis.connection import connect
from gateway.access.auth import check_exposure
from gateway.access.jwt import JwtVerifier
from gateway.apis.aeap.routes import aeap_router
from gateway.apis.ai_voice.routes import ai_voice_router
from gateway.apis.ai_voice.server import ai_voice_listening, check_ai_voice
from gateway.apis.asterisk.routes import asterisk_router
from gateway.apis.audiosocket.server import audiosocket_listening, check_audiosocket
from gateway.apis.captions.routes import captions_router
from gateway.apis.deepgram.routes import deepgram_router
from gateway.apis.freeswitch.routes import freeswitch_router
from gateway.apis.kyutai.routes import kyutai_router
from gateway.apis.native.room_moderation import room_moderation_router
from gateway.apis.native.room_socket import room_socket_router
from gateway.apis.native.rooms import rooms_router
from gateway.apis.native.routes import recordings_router
from gateway.apis.native.speakers import speakers_router
from gateway.apis.openai.client_secrets import client_secrets_router
from gateway.apis.openai.realtime import realtime_router
from gateway.apis.openai.transcriptions import openai_router
from gateway.apis.original.server import check_original, original_listening
from gateway.apis.soniox.routes import soniox_router
from gateway.apis.twilio.routes import twilio_router
from gateway.apis.wyoming.server import check_wyoming, wyoming_listening
from gateway.connection.handshake import serve_websocket
from gateway.http.health import HealthRoutes
from gateway.http.languages import languages_router
from gateway.http.turns import RequestTurns
from gateway.http.unknown_paths import unknown_paths_router
from gateway.page_files import PageFiles, captions_page_router
from gateway.server import GatewayServer, server_config
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings

# A thread that decodes a large frame must return the interpreter lock to the event loop soon. With Python's default of
# 5 ms, every turn of the loop would wait that long.
SWITCH_INTERVAL_S = 0.000_5

NO_PAGE = (
    "The web page has not been built. Install Node.js 20 or later, run `make page`, and restart the gateway. "
    "The API is available.\n"
)

log = structlog.get_logger()


def build(services: GatewayServices) -> FastAPI:
    """The application. Nothing is connected before its lifespan starts."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        settings = services.settings
        log.info("gateway_started", host=settings.host, port=settings.port, lets_in=services.auth.description)
        async with (
            services.running(),
            audiosocket_listening(services),
            wyoming_listening(services),
            original_listening(services),
            ai_voice_listening(services),
        ):
            yield
        log.info("gateway_stopped")

    # If OTEL_* variables are set, FastAPI would trace every request. We trace utterances (backend/service/tracing.py).
    telemetry: Any = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}
    # FastAPI's pages of its API load scripts from a CDN, and would be open to callers without a key.
    hidden: Any = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = FastAPI(title="Nova Voice", version=version("nova-voice"), lifespan=lifespan, telemetry=telemetry, **hidden)
    app.add_middleware(RequestTurns, turns=services.turns)
    app.include_router(HealthRoutes(services).router())
    app.include_router(languages_router(services))
    app.include_router(recordings_router(services))
    app.include_router(speakers_router(services))
    app.include_router(rooms_router(services))
    app.include_router(room_moderation_router(services))
    app.include_router(room_socket_router(services))
    app.include_router(captions_router(services))
    app.include_router(openai_router(services))
    app.include_router(realtime_router(services))
    app.include_router(client_secrets_router(services))
    app.include_router(deepgram_router(services))
    app.include_router(soniox_router(services))
    app.include_router(twilio_router(services))
    app.include_router(asterisk_router(services))
    app.include_router(aeap_router(services))
    app.include_router(freeswitch_router(services))
    app.include_router(kyutai_router(services))
    app.include_router(ai_voice_router(services))

    @app.websocket("/v1/stream")
    async def stream(websocket: WebSocket) -> None:
        await serve_websocket(websocket, services)

    app.include_router(unknown_paths_router(services))
    _serve_page(app, services.settings.page_dir)
    return app


def _serve_page(app: FastAPI, page_dir: Path) -> None:
    if (page_dir / "index.html").is_file():
        app.include_router(captions_page_router(page_dir))
        app.mount("/", PageFiles(directory=page_dir, html=True))
        return

    @app.get("/")
    async def no_page() -> PlainTextResponse:
        return PlainTextResponse(NO_PAGE)


async def _main(stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain."""
    settings = GatewaySettings()
    logging.configure("gateway", settings)
    tracing.configure("gateway")
    await _check_exposure(settings)
    services = GatewayServices.create(settings)
    server = GatewayServer(server_config(build(services), settings, settings.host, settings.port))
    freeze_startup_objects()
    export_build_info()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if server.started and not serving.done():
            await services.registry.drain(settings.drain_s)
        server.should_exit = True


async def _check_exposure(settings: GatewaySettings) -> None:
    """Raise SetupError if the settings would expose the gateway to the network without authentication."""
    check_audiosocket(settings)
    check_wyoming(settings)
    check_original(settings)
    check_ai_voice(settings)
    async with aclosing(connect(settings)) as redis:
        await check_exposure(settings, ApiKeys(redis), JwtVerifier.from_settings(settings))


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    threadpool_limits(1)  # the matrices are small, so more BLAS threads cost more than they save
    serve_until_signalled("gateway", _main)


if __name__ == "__main__":
    main()
