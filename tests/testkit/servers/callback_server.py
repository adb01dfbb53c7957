"""A server that receives the results of recordings, and can be scripted to fail."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.testkit.servers.threads import serve_in_thread


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A request as it arrived."""

    method: str
    path: str
    content_type: str | None
    authorization: str | None
    body: bytes


@dataclass
class CallbackServer:
    """The requests so far. `statuses` are those of the next answers; later ones are 200."""

    port: int
    statuses: list[int]
    requests: list[CallbackRequest] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def url(self, path: str = "/results", user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.port}{path}"

    def answer(self, request: CallbackRequest) -> int:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return self.statuses.pop(0) if self.statuses else 200

    def wait_for(self, count: int, timeout_s: float = 60) -> list[CallbackRequest]:
        """The requests, when there are as many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s)
        return self.requests


@contextmanager
def callback_server(statuses: Sequence[int] = (), port: int = 0) -> Iterator[CallbackServer]:
    """A server on loopback. `port` 0: any free one."""
    place = CallbackServer(0, list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def _receive(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind, access = self.headers["Content-Type"], self.headers["Authorization"]
            status = place.answer(CallbackRequest(self.command, self.path, kind, access, body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self._receive()

        def do_PUT(self) -> None:
            self._receive()

        def log_message(self, *_: Any) -> None:
            pass

    with serve_in_thread(ThreadingHTTPServer(("127.0.0.1", port), Handler)) as server:
        place.port = server.server_port
        yield place
