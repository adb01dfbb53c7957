"""A local server that speaks the protocol of the Hugging Face Hub and can be scripted to fail, and a test model."""

import hashlib
import os
import re
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from backend.models import ModelStore
from backend.models.hub import HubConfig
from backend.models.specs import FileSpec, HubSource, ModelSource, ModelSpec
from tests.testkit.servers.threads import serve_in_thread, url_of

HUB = HubSource("someone/whisper", "0" * 40)
WEIGHTS = os.urandom(3_000_000)
CONTENT = {
    "config.json": b"{}",
    "model.bin": WEIGHTS,
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": b"a\nb\n",
}


def spec_of(name: str, content: bytes) -> FileSpec:
    return FileSpec(name, len(content), hashlib.sha256(content).hexdigest())


FILES = tuple(spec_of(name, content) for name, content in CONTENT.items())


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    range: str | None
    authorization: str | None


class HubServer(ThreadingHTTPServer):
    """Serves `content`, and records each request.

    `script` holds, for a path, what to do with its next GET requests: "hang", "missing", "wrong" (other bytes of
    the same length), "no-range" (ignore the Range header), "cut" (close halfway) or "cut-and-hang". For "HEAD PATH"
    it holds what to do with its next HEAD requests: "hang" or "missing". `redirects` maps paths to addresses. With
    `storage`, files are served the way the hub serves large ones: by a redirect to that server.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.content: dict[str, bytes] = {}
        self.script: defaultdict[str, list[str]] = defaultdict(list)
        self.requests: list[Request] = []
        self.redirects: dict[str, str] = {}
        self.storage: HubServer | None = None
        self.closing = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return url_of(self).replace("http", self.scheme, 1)

    def offer(self, hub: HubSource, content: dict[str, bytes]) -> None:
        for name, data in content.items():
            self.content[f"/{hub.repository}/resolve/{hub.revision}/{name}"] = data

    def ranges(self, path: str) -> list[str | None]:
        """The Range header of each GET request for a path."""
        return [request.range for request in self.requests if (request.method, request.path) == ("GET", path)]


class HubHandler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        act = self._next_act(f"HEAD {self.path}")
        data = self.server.content.get(self.path)
        if act == "hang":
            self.server.closing.wait()
        elif data is None or act == "missing":
            self.send_error(404)
        else:
            self.send_response(302 if self.server.storage else 200)
            self._send_hub_headers(data)
            self.send_header("Content-Length", "0" if self.server.storage else str(len(data)))
            self.end_headers()

    def _send_hub_headers(self, data: bytes) -> None:
        """The headers that huggingface_hub reads from the answer to a HEAD request."""
        if commit := re.search(r"/resolve/([0-9a-f]{40})/", self.path):
            self.send_header("X-Repo-Commit", commit[1])
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        if self.server.storage:
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("Location", f"{self.server.storage.url}{self.path}")

    def do_GET(self) -> None:
        server = self.server
        act = self._next_act(self.path)
        data = server.content.get(self.path)
        if act == "hang":
            server.closing.wait()
            return
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if data is None or act == "missing":
            self.send_error(404)
            return
        if act == "wrong":
            data = bytes(len(data))
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and act != "no-range":
            start = int(asked[1])
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        end = len(data)
        if act.startswith("cut"):
            end = start + (len(data) - start) // 2
        self.wfile.write(data[start:end])
        if act == "cut-and-hang":
            self.wfile.flush()
            server.closing.wait()

    def _next_act(self, key: str) -> str:
        request = Request(self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization"))
        self.server.requests.append(request)
        return self.server.script[key].pop(0) if self.server.script[key] else "serve"

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(certificate: Path | None = None, key: Path | None = None) -> Iterator[HubServer]:
    """Run a server that offers the test model, with a certificate over HTTPS."""
    server = HubServer()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    server.offer(HUB, CONTENT)
    with serve_in_thread(server):
        try:
            yield server
        finally:
            server.closing.set()


def whisper(*sources: ModelSource, files: tuple[FileSpec, ...] = FILES) -> ModelSpec:
    return ModelSpec("whisper-test", "whisper", "MIT", sum(f.size for f in files), sources or (HUB,), files, ("test",))


def store(tmp_path: Path, server: HubServer, *catalogue: ModelSpec) -> ModelStore:
    hub = HubConfig(tmp_path / "hub", server.url)
    return ModelStore(tmp_path / "cache", hub, catalogue=catalogue or (whisper(),), timeout_s=1.0)


def path_of(name: str) -> str:
    return f"/{HUB.repository}/resolve/{HUB.revision}/{name}"


def assert_whole(place: Path) -> None:
    assert {name: (place / name).read_bytes() for name in CONTENT} == CONTENT
