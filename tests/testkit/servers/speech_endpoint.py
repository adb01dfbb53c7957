"""An OpenAI-compatible speech endpoint without a model. The test chooses its answers."""

import io
import json
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.testkit.audio.clips import RATE
from tests.testkit.servers.threads import url_of


@dataclass(frozen=True, slots=True)
class Request:
    """A request, parsed."""

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
class Answer:
    """An answer of the endpoint."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


def describe_audio(request: Request) -> Answer:
    """The number of samples as text, which identifies the audio."""
    return Answer(200, {"text": f"{request.samples} samples", "language": "english"})


class Endpoint:
    """The HTTP server. `answer` decides what it answers, `requests` records what it received."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = describe_audio
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = _parse(self.path, self.headers, body)
                endpoint.requests.append(request)
                answer = endpoint.answer(request)
                text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                try:
                    self.send_response(answer.status)
                    for name, value in {"Content-Length": str(len(text.encode())), **answer.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text.encode())
                except OSError:
                    self.close_connection = True  # the client timed out

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"{url_of(self.server)}/v1"


def _parse(path: str, headers: Message, body: bytes) -> Request:
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
    return Request(path, headers["Authorization"], fields, file.get_filename(), file.get_content_type(), _bytes(file))


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload
