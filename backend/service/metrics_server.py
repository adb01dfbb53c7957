"""HTTP server of a worker: /health, /health/ready and /metrics.

It runs in a separate thread, so it can report that the event loop hangs. Each connection serves one request. Requests
for a foreign host name are refused, because a web page may have sent them (DNS rebinding).
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol, Self, TypeVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.errors import SetupError
from backend.service.address import is_safe_host, join_host_port
from backend.service.metrics import export_build_info
from backend.service.settings import WorkerSettings

T = TypeVar("T")

log = structlog.get_logger()

# Time limit for a call on the event loop, so that every response arrives within a second.
LIMIT_S = 0.9
# Longest pause while a request is received, and the whole time of a connection.
HEAD_TIMEOUT_S, CONNECTION_S = 5.0, 10.0
# Connections at the same time. When there are more, the oldest is closed: honest requests take milliseconds.
MAX_CONNECTIONS = 100


class HealthSource(Protocol):
    """Health of a worker. The methods are called on the event loop."""

    async def live(self) -> str:
        """Return why the process should be restarted, or ""."""

    async def ready(self) -> str:
        """Return why the process cannot accept work now, or ""."""

    async def refresh(self) -> None:
        """Update metrics that are read from Redis."""


class ModelLoading:
    """Health of a worker that is loading its model, which may take minutes."""

    async def live(self) -> str:
        return ""

    async def ready(self) -> str:
        return "the model is being loaded"

    async def refresh(self) -> None:
        pass


class MetricsServer:
    """Serves health and metrics. Create it on the event loop that it watches."""

    def __init__(self) -> None:
        self.health_source: HealthSource = ModelLoading()
        self._loop = asyncio.get_running_loop()
        export_build_info()

    @contextmanager
    def serving(self, settings: WorkerSettings) -> Iterator[Self]:
        """Serve at the address in the settings until the block ends. Port 0 disables the server.

        Raises SetupError if the server cannot listen there.
        """
        if not settings.metrics_port:
            yield self
            return
        names = {settings.metrics_host, socket.gethostname(), *settings.metrics_names.replace(",", " ").split()}
        server = _server(settings.metrics_host, settings.metrics_port, self, names)
        Thread(target=server.serve_forever, name="monitor", daemon=True, kwargs={"poll_interval": 0.1}).start()
        log.info("monitor_started", host=settings.metrics_host, port=server.server_port)
        try:
            yield self
        finally:
            # Stopping waits for the server's loop, where a request may wait for the event loop: use another thread.
            Thread(target=server.stop, name="monitor-end", daemon=True).start()

    def health(self, question: Callable[[], Awaitable[str]]) -> tuple[int, bytes]:
        """Return HTTP status and body. Called in the server's threads."""
        try:
            reason = self._call_on_loop(question)
        except TimeoutError:
            reason = "the event loop does not respond"
        body = {"status": "unhealthy", "reasons": [reason]} if reason else {"status": "healthy", "reasons": []}
        return (503 if reason else 200), json.dumps(body).encode()

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus format. Called in the server's threads."""
        try:
            self._call_on_loop(self.health_source.refresh)
        except TimeoutError:
            log.warning("metrics_not_refreshed")
        return generate_latest()

    def _call_on_loop(self, question: Callable[[], Awaitable[T]]) -> T:
        """Run `question` on the event loop. Raises TimeoutError."""

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


def _server(host: str, port: int, owner: MetricsServer, names: set[str]) -> "_Server":
    try:
        return _Server((host, port), owner, names)
    except OSError as error:
        address, reason = join_host_port(host, port), error.strerror or error
        raise SetupError(f"the metrics cannot be served at {address}: {reason}") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], owner: MetricsServer, names: set[str]) -> None:
        self.owner = owner
        self.names = frozenset(name.lower() for name in names)
        # When each connection was opened, the oldest first.
        self._opened: dict[Any, float] = {}
        # The family of the base class is IPv4.
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        super().__init__(address, _Request)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a new thread."""
        self._opened[request] = time.monotonic()
        for oldest in list(self._opened)[:-MAX_CONNECTIONS]:
            self._end(oldest)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called by the server's loop several times a second."""
        super().service_actions()
        now = time.monotonic()
        for request, opened_at in list(self._opened.items()):
            if now - opened_at > CONNECTION_S:
                self._end(request)

    def shutdown_request(self, request: Any) -> None:
        """The connection ends."""
        self._opened.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error in a request's thread. Clients that disconnect are no error."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.warning("monitor_request_failed", error=repr(error))

    def _end(self, request: Any) -> None:
        """Wake the thread that reads from this connection. It then closes it."""
        self._opened.pop(request, None)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class _Request(BaseHTTPRequestHandler):
    timeout = HEAD_TIMEOUT_S
    server: _Server
    server_version, sys_version = "nova", ""

    def do_GET(self) -> None:
        owner = self.server.owner
        if not self._has_safe_host():
            self._answer(403, b"this host name is not accepted; see METRICS_NAMES in the configuration\n", "text/plain")
            return
        match self.path.partition("?")[0]:
            case "/health":
                self._answer(*owner.health(owner.health_source.live), "application/json")
            case "/health/ready":
                self._answer(*owner.health(owner.health_source.ready), "application/json")
            case "/metrics":
                self._answer(200, owner.metrics(), CONTENT_TYPE_LATEST)
            case _:
                self._answer(404, b"not found; available: /health, /health/ready, /metrics\n", "text/plain")

    def _has_safe_host(self) -> bool:
        """Whether no web page can have sent the request. Browsers always send one `Host`; probes may send none."""
        return all(is_safe_host(host, self.server.names) for host in self.headers.get_all("Host", []))

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass  # probes arrive every few seconds
