"""An OpenAI-compatible speech endpoint without a model: a real HTTP server, whose answers a test decides."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the endpoint read it."""

    path: str
    key: str | None
    fields: dict[str, list[str]]
    file_name: str | None
    file_type: str
    wav: bytes

    @property
    def samples(self) -> int:
        with wave.open(io.BytesIO(self.wav)) as reader:
            assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, RATE)
            return int(reader.getnframes())


@dataclass(frozen=True, slots=True)
class Answered:
    """What the endpoint says."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


def heard(asked: Asked) -> Answered:
    """A text from which one can see which audio it is of."""
    return Answered(200, {"text": f"{asked.samples} samples", "language": "english"})


class Endpoint:
    """A real HTTP server, whose answers a test decides."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answered] = heard
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = _read(self.path, self.headers, body)
                endpoint.asked.append(asked)
                answered = endpoint.answer(asked)
                said = answered.body if isinstance(answered.body, str) else json.dumps(answered.body)
                try:
                    self.send_response(answered.status)
                    for name, value in {"Content-Length": str(len(said.encode())), **answered.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(said.encode())
                except OSError:
                    self.close_connection = True  # the client has given up waiting

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def _read(path: str, headers: Message, body: bytes) -> Asked:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    fields: dict[str, list[str]] = {}
    file: Message | None = None
    for part in BytesParser().parsebytes(head + body).walk():
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            file = part
        elif isinstance(name, str):
            fields.setdefault(name, []).append(_bytes(part).decode())
    assert file is not None
    return Asked(path, headers["Authorization"], fields, file.get_filename(), file.get_content_type(), _bytes(file))


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload
