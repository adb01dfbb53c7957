"""Servers that take captions as YouTube, Zoom and OBS document it, and that can be scripted to fail.

They are stricter than the documentation: a number that is neither the next one nor a repetition is refused.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.cli.sinks.vendors.obs import authentication
from tests.testkit.servers.threads import serve_in_thread, url_of

# A status, or: close the connection before or after the caption was accepted, or answer late.
Failure = int | Literal["drop", "accept_and_drop", "slow"]
SLOW_S = 2.0
SECRET = "stream-key-1234"
_YOUTUBE_BODY = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\n[^\n]+\n)+")
SALT, CHALLENGE = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=", "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="


@dataclass
class CaptionService:
    """The captions that viewers saw. `script` says how the next requests fail; later ones succeed."""

    script: list[Failure] = field(default_factory=list)
    url: str = ""
    last: int = 0
    bodies: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    attempts: int = 0

    @property
    def text(self) -> str:
        """Everything that was shown, in one line."""
        shown = "\n".join(self.bodies)
        return " ".join(re.sub(r"\d{4}-\S+T\S+\n|<br>", " ", shown).split())

    async def wait_for(self, is_met: Callable[["CaptionService"], bool], timeout_s: float = 15) -> None:
        """Wait until a condition is met. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not is_met(self):  # noqa: ASYNC110 - the server is in a thread
                await asyncio.sleep(0.02)

    def accept(self, number: int, language: str, body: str) -> int:
        """Show a caption. Returns the status of the answer."""
        if number == self.last:
            return 200
        if number != self.last + 1:
            self.errors.append(f"{number} after {self.last}")
            return 400
        self.last = number
        self.languages.append(language)
        self.bodies.append(body)
        return 200


@contextmanager
def caption_service(
    kind: Literal["youtube", "zoom"], script: Sequence[Failure] = (), last: int = 0
) -> Iterator[CaptionService]:
    """A service on loopback, whose URL contains SECRET."""
    service, lock = CaptionService(list(script), last=last), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == "/closedcaption/seq" and SECRET in self.path:
                self._reply(200, str(service.last))
            else:
                self._reply(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            with lock:
                service.attempts += 1
                failure = service.script.pop(0) if service.script else 200
                status = self._status(failure, body)
            if failure == "slow":
                time.sleep(SLOW_S)
            self._reply(status) if status else self.connection.close()

        def _status(self, failure: Failure, body: str) -> int:
            """The status of the answer, or 0 for none."""
            if failure == "drop":
                return 0
            if isinstance(failure, int) and failure != 200:
                return failure
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            well_formed = self.headers["Content-Type"] == "text/plain; charset=utf-8" and query.get("id") == SECRET
            if kind == "youtube":
                well_formed &= bool(_YOUTUBE_BODY.fullmatch(body))
            if not well_formed:
                service.errors.append(f"{self.path} {body!r}")
                return 403
            status = service.accept(int(query["seq"]), query.get("lang", ""), body)
            return 0 if failure == "accept_and_drop" else status

        def _reply(self, status: int, body: str = "") -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that gives up closes the connection."""

    with serve_in_thread(Server(("127.0.0.1", 0), Handler)) as server:
        service.url = f"{url_of(server)}/closedcaption?id={SECRET}&sparams=id%2Cns"
        yield service


@dataclass
class ObsService:
    """The captions that OBS was asked to show. `script` has the status codes or close codes of the next requests."""

    port: int = 0
    script: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    connections: int = 0
    is_identified: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@asynccontextmanager
async def obs_service(
    password: str = "", script: Sequence[int] = (), first: str | None = None
) -> AsyncIterator[ObsService]:
    """The WebSocket server of OBS on loopback. `first` replaces its first message."""
    service = ObsService(script=list(script))

    async def handle(socket: ServerConnection) -> None:
        service.connections += 1
        data: dict[str, Any] = {"obsWebSocketVersion": "5.5.0", "rpcVersion": 1}
        if password:
            data["authentication"] = {"salt": SALT, "challenge": CHALLENGE}
        try:
            await socket.send(first if first is not None else json.dumps({"op": 0, "d": data}))
            await _identify(socket, password)
            service.is_identified.set()
            async for message in socket:
                await _respond(socket, service, json.loads(message))
        except ConnectionClosed:
            pass

    async with serve(handle, "127.0.0.1", 0, subprotocols=["obswebsocket.json"]) as server:  # type: ignore[list-item]
        service.port = next(iter(server.sockets)).getsockname()[1]
        yield service


async def _identify(socket: ServerConnection, password: str) -> None:
    body = json.loads(await socket.recv())
    expected = authentication(password, SALT, CHALLENGE) if password else None
    if body["op"] != 1 or socket.subprotocol != "obswebsocket.json":
        await socket.close(4007)
    elif body["d"].get("authentication") != expected:
        await socket.close(4009)
    else:
        await socket.send('{"op":2,"d":{"negotiatedRpcVersion":1}}')


async def _respond(socket: ServerConnection, service: ObsService, body: dict[str, Any]) -> None:
    request = body["d"]
    assert (body["op"], request["requestType"]) == (6, "SendStreamCaption")
    code = service.script.pop(0) if service.script else 100
    if code >= 1000:
        await socket.close(code)
        return
    if code == 100:
        service.texts.append(request["requestData"]["captionText"])
    await socket.send('{"op":5,"d":{"eventType":"StreamStateChanged","eventIntent":64,"eventData":{}}}')
    status = {"result": code == 100, "code": code}
    answer = {"requestType": "SendStreamCaption", "requestId": request["requestId"], "requestStatus": status}
    await socket.send(json.dumps({"op": 7, "d": answer}))
