"""Clients of each protocol of the gateway that send chosen frames, and their errors in one form."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

Frame = str | bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """How a client failed: the code of the error in its own protocol, and the close code or the HTTP status.

    `ended` is None if the connection stays open.
    """

    code: str
    ended: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SocketDoor:
    """A protocol over a WebSocket. `start` opens a session, `audio` makes a frame of s16le samples at 16 kHz.

    `error_code` is "" for a message that is no error, and `refusal_code` that of a refused handshake. `parse` reads a
    frame. `name` differs from the protocol if one has several addresses.
    """

    protocol: str
    path: str
    start: tuple[Frame, ...]
    audio: Callable[[bytes], Frame]
    error_code: Callable[[dict[str, Any]], str]
    refusal_code: Callable[[dict[str, Any]], str]
    parse: Callable[[Frame], dict[str, Any]] = json.loads
    name: str = ""

    @property
    def title(self) -> str:
        """The name in a table of results."""
        return self.name or self.protocol

    def connect(self, url: str, key: str = "") -> Any:
        """A connection to the gateway at this http URL."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        address = url.replace("http", "ws", 1) + self.path
        return connect(address, additional_headers=headers, max_size=1 << 26, open_timeout=60)

    async def failure(self, url: str, frames: Sequence[Frame], key: str = "") -> Failure:
        """Send frames, and return the failure."""
        try:
            async with self.connect(url, key) as socket:
                try:
                    for frame in frames:
                        await _send(socket, frame)
                except ConnectionClosed:
                    pass  # the error is still to be read
                return await self.next_failure(socket)
        except InvalidStatus as refused:
            body = json.loads(refused.response.body or b"")
            return Failure(self.refusal_code(body), refused.response.status_code)

    async def next_failure(self, socket: ClientConnection) -> Failure:
        """The next error, and the close of the connection if it follows."""
        code = ""
        try:
            while not code:
                code = self.error_code(self.parse(await socket.recv()))
            # An open connection answers a ping.
            await (await socket.ping())
        except ConnectionClosed:
            return Failure(code, socket.close_code, socket.close_reason or "")
        return Failure(code, None)


class InvalidText(bytes):
    """Bytes to send as a text frame."""


async def _send(socket: ClientConnection, frame: Frame) -> None:
    await socket.send(frame, text=isinstance(frame, str | InvalidText))


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """A protocol that takes recordings over HTTP. `request` makes the arguments of an HTTP request with a file."""

    protocol: str
    path: str
    request: Callable[[bytes], dict[str, Any]]
    error_code: Callable[[dict[str, Any]], str]

    async def failure(self, url: str, key: str = "", **arguments: Any) -> Failure:
        """Send a request, and return the failure."""
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **arguments.pop("headers", {})}
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            response = await http.post(self.path, headers=headers, **arguments)
        return Failure(self.error_code(response.json()), response.status_code)


def _appended(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


def code_in(*path: str, kind: str = "type") -> Callable[[dict[str, Any]], str]:
    """Read the code of messages with this path to it whose `kind` is "error"."""

    def read(event: dict[str, Any]) -> str:
        if event[kind].lower() != "error":
            return ""
        found: Any = event
        for name in path:
            found = found[name]
        return str(found)

    return read


SESSION_UPDATE = json.dumps({"type": "session.update", "session": {"type": "transcription"}})
NATIVE = SocketDoor(
    "native", "/v1/stream", ('{"type":"start"}',), bytes, code_in("code"), lambda body: str(body["code"])
)
OPENAI_REALTIME = SocketDoor(
    "openai_realtime",
    "/v1/realtime?intent=transcription",
    (SESSION_UPDATE,),
    _appended,
    code_in("error", "code"),
    lambda body: str(body["error"]["code"]),
)
DEEPGRAM_LIVE = SocketDoor(
    "deepgram_live",
    "/v1/listen?encoding=linear16&sample_rate=16000",
    (),
    bytes,
    code_in("variant"),
    lambda body: str(body["err_code"]),
)
OPENAI = HttpDoor(
    "openai",
    "/v1/audio/transcriptions",
    lambda file: {"files": {"file": ("talk.wav", file)}, "data": {"model": "whisper-1"}},
    lambda body: str(body["error"]["code"]),
)
DEEPGRAM = HttpDoor(
    "deepgram",
    "/v1/listen",
    lambda file: {"content": file, "headers": {"Content-Type": "audio/wav"}},
    lambda body: str(body["err_code"]),
)
UPLOADS = (OPENAI, DEEPGRAM)
