"""The gateway process: `python -m gateway.gateway`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from threadpoolctl import threadpool_limits

from backend.errors import SetupError
from backend.service import logging, tracing
from backend.service.heartbeat import publish_heartbeats
from backend.service.lifecycle import (
    freeze_startup_objects,
    process_name,
    run_until_signalled,
    trim_memory_periodically,
)
from backend.service.metrics import export_build_info
from backend.streams.access.api_keys import ApiKeys
from backend.streams.access.quota import Quota
from backend.streams.names import WORKERS, worker_key
from backend.streams.observe.state import StreamInspector
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from gateway.access.admission import Admission
from gateway.access.auth import Auth, check_exposure
from gateway.access.jwt import Tokens
from gateway.access.quota import QuotaSlots
from gateway.audio.silero import Silero
from gateway.audio.vad_batcher import VadBatcher
from gateway.connection.connection import Services
from gateway.connection.handshake import serve
from gateway.http import health
from gateway.http.http_limits import LimitedHttp
from gateway.settings import GatewaySettings
from gateway.wire import SteadyWebSocket

LARGEST_FRAME = 1 << 25
"""Bytes. Up to here an oversized frame gets a clear `error`; beyond, the WebSocket library closes with a bare 1009."""

SWITCH_S = 0.000_5
"""How soon a thread that decodes a large frame makes way for the event loop. Python's own 5 ms add up: at each turn of
the loop everybody else would wait for so long.
"""

log = structlog.get_logger()

NO_PAGE = "The page is not built. Install Node.js 20 or later, run `make page`, and start again. The API works.\n"
SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def build(settings: GatewaySettings) -> FastAPI:
    """The application; nothing is connected before its lifespan begins. Raises SetupError for half a setting."""
    tokens = Tokens.of(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        redis = connect(settings)
        name = process_name()
        streams = RedisJobStreams(redis, settings)
        fanout, admission = RedisFanout(redis, name), Admission(settings, streams, name)
        keys = ApiKeys(redis)
        auth, visits = Auth(settings, keys, tokens), QuotaSlots(Quota(redis), keys, settings.max_session_s)
        app.state.streams, app.state.admission, app.state.auth = streams, admission, auth
        app.state.observer = StreamInspector(redis, streams.shards)
        app.state.services = Services(
            settings,
            streams,
            RedisSessions(redis, settings, name),
            fanout,
            VadBatcher(await asyncio.to_thread(Silero)),
            admission,
            auth,
            visits,
        )
        about = {"kind": "gateway", "name": name, "version": version("nova-voice")}

        def alive() -> dict[str, object]:
            return {
                **about,
                "sessions": admission.sessions,
                "speech": round(admission.speech(), 2),
                "draining": admission.draining.is_set(),
            }

        freeze_startup_objects()
        export_build_info()
        log.info("gateway_started", host=settings.host, port=settings.port, lets_in=auth.lets_in)
        async with asyncio.TaskGroup() as background:
            tasks = (
                background.create_task(fanout.deliver_forever()),
                background.create_task(admission.watch()),
                background.create_task(visits.run()),
                background.create_task(trim_memory_periodically()),
                background.create_task(publish_heartbeats(redis, WORKERS, worker_key("gateway", name), alive)),
            )
            yield
            for task in tasks:
                task.cancel()
        await redis.aclose()
        log.info("gateway_stopped")

    # Where OTEL_* is set, FastAPI would trace each request by itself; we trace utterances (backend/service/tracing.py).
    telemetry: Any = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}
    app = FastAPI(title="Nova Voice", version=version("nova-voice"), lifespan=lifespan, telemetry=telemetry)
    app.include_router(health.router)
    app.include_router(health.operators)

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


class _Server(uvicorn.Server):
    """uvicorn, but signals are ours: it would close every socket at the first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _main(stop: asyncio.Event) -> None:
    """Serve until told to stop; then no new sessions, the word to the clients, what is in flight, and the end."""
    settings = GatewaySettings()
    logging.configure("gateway", settings)
    tracing.configure("gateway")
    await _look_before_opening(settings)
    app = build(settings)
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=LimitedHttp,
            ws=SteadyWebSocket,
            backlog=4096,
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[(name.decode(), value.decode()) for name, value in SECURITY_HEADERS],
            ssl_certfile=settings.tls_cert or None,
            ssl_keyfile=settings.tls_key or None,
            ws_max_size=LARGEST_FRAME,
            ws_per_message_deflate=False,
            ws_ping_timeout=120,
            timeout_graceful_shutdown=5,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if server.started and not serving.done():
            await app.state.admission.drain(settings.drain_s)
        server.should_exit = True


async def _look_before_opening(settings: GatewaySettings) -> None:
    """Raises SetupError before a stranger can connect."""
    redis = connect(settings)
    try:
        await check_exposure(settings, ApiKeys(redis), Tokens.of(settings))
    finally:
        await redis.aclose()


def main() -> None:
    """Serve until SIGTERM."""
    sys.setswitchinterval(SWITCH_S)
    threadpool_limits(1)  # matrices are small here: a second thread costs more than it brings
    try:
        run_until_signalled(_main)
    except SetupError as error:
        log.critical("gateway_not_started", reason=error.message)
        sys.exit(1)


if __name__ == "__main__":
    main()
