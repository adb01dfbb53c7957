"""Runs a blocking server of the standard library in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import TypeVar

S = TypeVar("S", bound=HTTPServer)
POLL_S = 0.01  # how long a shutdown takes at most


@contextmanager
def serve_in_thread(server: S) -> Iterator[S]:
    """Serve requests until the context ends, then close the server."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def url_of(server: HTTPServer) -> str:
    """The address of a server on loopback."""
    return f"http://127.0.0.1:{server.server_port}"
