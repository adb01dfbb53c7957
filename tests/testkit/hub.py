"""A hub on this machine that can be told to misbehave, and a small model on it that looks like Whisper."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from backend.models import Store
from backend.models.catalogue import File, Hub, Model, Source

HUB = Hub("someone/whisper", "0" * 40)
WEIGHTS = os.urandom(3_000_000)
CONTENT = {
    "config.json": b"{}",
    "model.bin": WEIGHTS,
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": b"a\nb\n",
}


def known(name: str, content: bytes) -> File:
    return File(name, len(content), hashlib.sha256(content).hexdigest())


FILES = tuple(known(name, content) for name, content in CONTENT.items())


class Server(ThreadingHTTPServer):
    """Serves `content`; `script` names, for a path, what to do with the next requests instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content: dict[str, bytes] = {}
        self.script: defaultdict[str, list[str]] = defaultdict(list)
        self.ranges: defaultdict[str, list[str | None]] = defaultdict(list)
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def offer(self, hub: Hub, content: dict[str, bytes]) -> None:
        for name, data in content.items():
            self.content[f"/{hub.repository}/resolve/{hub.revision}/{name}"] = data


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, path = self.server, self.path
        server.ranges[path].append(self.headers.get("Range"))
        act = server.script[path].pop(0) if server.script[path] else "serve"
        data = server.content.get(path)
        if act == "hang":
            server.closing.wait()
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
        if path.endswith("/"):
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

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs, with the model on it."""
    with Server() as running:
        running.offer(HUB, CONTENT)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.closing.set()
            running.shutdown()
            thread.join()


def whisper(*sources: Source, files: tuple[File, ...] = FILES) -> Model:
    return Model("whisper-test", "whisper", "MIT", sum(f.size for f in files), sources or (HUB,), files, ("test",))


def store(tmp_path: Path, server: Server, *catalogue: Model) -> Store:
    return Store(tmp_path / "cache", endpoint=server.url, catalogue=catalogue or (whisper(),), patience_s=1.0)


def path_of(name: str) -> str:
    return f"/{HUB.repository}/resolve/{HUB.revision}/{name}"


def assert_whole(place: Path) -> None:
    assert {name: (place / name).read_bytes() for name in CONTENT} == CONTENT
