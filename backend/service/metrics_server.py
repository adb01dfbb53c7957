"""A worker's own small HTTP server: /health, /health/ready, /metrics.

It answers from a thread of its own, so that it can say that the event loop hangs, which the loop could not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol, TypeVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.service.metrics import export_build_info
from backend.service.settings import WorkerSettings

T = TypeVar("T")

log = structlog.get_logger()

LIMIT_S = 0.9
"""Every question to the event loop is answered within this time, or counts as not answered."""
HEAD_TIMEOUT_S = 5.0
"""Within which a request must have been sent."""


class HealthSource(Protocol):
    """What the worker knows of itself. All of it is asked on the event loop."""

    async def live(self) -> str:
        """Why the process had better be started anew; "" when it had not."""
        ...

    async def ready(self) -> str:
        """Why it cannot take work just now; "" when it can."""
        ...

    async def refresh(self) -> None:
        """Bring up to date what metrics say of others."""
        ...


class ModelLoading:
    """A worker that has no model yet."""

    async def live(self) -> str:
        """It may take minutes."""
        return ""

    async def ready(self) -> str:
        """Not yet."""
        return "the model is being loaded"

    async def refresh(self) -> None:
        """There is nothing to be known."""


class MetricsServer:
    """What answers, and of whom. Made on the event loop that it watches."""

    def __init__(self) -> None:
        self.health_source: HealthSource = ModelLoading()
        self._loop = asyncio.get_running_loop()
        export_build_info()

    @contextmanager
    def serving(self, settings: WorkerSettings) -> Iterator[MetricsServer]:
        """Answer at the settings' address until the end; not at all when its port is 0.

        Raises OSError when something else listens there.
        """
        if not settings.metrics_port:
            yield self
            return
        server = _Server((settings.metrics_host, settings.metrics_port), self)
        Thread(target=server.serve_forever, name="monitor", daemon=True, kwargs={"poll_interval": 0.1}).start()
        log.info("monitor_started", host=settings.metrics_host, port=server.server_port)
        try:
            yield self
        finally:
            # Waits for a round of the server's loop: not on the event loop, whose answer a request may await.
            Thread(target=server.stop, name="monitor-end", daemon=True).start()

    def health(self, question: Callable[[], Awaitable[str]]) -> tuple[int, bytes]:
        """Status and body of an answer; for the server's threads."""
        try:
            reason = self._ask(question)
        except TimeoutError:
            reason = "the event loop does not turn"
        body = {"status": "unhealthy", "reasons": [reason]} if reason else {"status": "healthy", "reasons": []}
        return (503 if reason else 200), json.dumps(body).encode()

    def metrics(self) -> bytes:
        """Prometheus text; for the server's threads."""
        try:
            self._ask(self.health_source.refresh)
        except TimeoutError:
            log.warning("metrics_not_refreshed")
        return generate_latest()

    def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Raises TimeoutError when the loop has no answer in time."""

        async def within_limit() -> T:
            async with asyncio.timeout(LIMIT_S):
                return await question()

        if self._loop.is_closed():
            raise TimeoutError
        asked = asyncio.run_coroutine_threadsafe(within_limit(), self._loop)
        try:
            return asked.result(LIMIT_S)
        except CancelledError:
            raise TimeoutError from None
        finally:
            asked.cancel()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], monitor: MetricsServer) -> None:
        self.monitor = monitor
        super().__init__(address, _Request)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Request(BaseHTTPRequestHandler):
    timeout = HEAD_TIMEOUT_S
    server: _Server
    server_version, sys_version = "nova", ""

    def do_GET(self) -> None:
        monitor = self.server.monitor
        match self.path.partition("?")[0]:
            case "/health":
                self._answer(*monitor.health(monitor.health_source.live), "application/json")
            case "/health/ready":
                self._answer(*monitor.health(monitor.health_source.ready), "application/json")
            case "/metrics":
                self._answer(200, monitor.metrics(), CONTENT_TYPE_LATEST)
            case _:
                self._answer(404, b"there are /health, /health/ready and /metrics\n", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: probes come every few seconds."""
