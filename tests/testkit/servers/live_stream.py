"""An HTTP server that sends recordings in real time, as a live stream, and closes the connection after each."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.testkit.servers.threads import serve_in_thread, url_of

_STEP_S = 0.1


@dataclass
class LiveStream:
    """`programmes` are the bytes and seconds that the connections get, one each; later connections get 503.

    `opened` has the times at which they were sent from.
    """

    programmes: Sequence[tuple[bytes, float]]
    url: str = ""
    opened: list[float] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def live_stream(programmes: Sequence[tuple[bytes, float]]) -> Iterator[LiveStream]:
    """Serve a stream on loopback."""
    stream = LiveStream(programmes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if len(stream.opened) >= len(stream.programmes):
                self.send_error(503)
                return
            data, seconds = stream.programmes[len(stream.opened)]
            stream.opened.append(time.monotonic())
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self._send(data, seconds)

        def _send(self, data: bytes, seconds: float) -> None:
            began, sent = time.monotonic(), 0
            while sent < len(data) and not stream.closing.wait(_STEP_S):
                due = round(len(data) * min((time.monotonic() - began) / seconds, 1))
                try:
                    self.wfile.write(data[sent:due])
                except OSError:  # the reader has left
                    return
                sent = due

        def log_message(self, *_: Any) -> None:
            pass

    with serve_in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        stream.url = f"{url_of(server)}/live.ts"
        yield stream
        stream.closing.set()
