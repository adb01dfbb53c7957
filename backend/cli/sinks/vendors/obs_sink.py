"""Sends captions to OBS, which embeds them in its stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.sinks.captions import LiveCaption
from backend.cli.sinks.errors import SinkClosedError, SinkError
from backend.cli.sinks.pace import shown_s
from backend.cli.sinks.vendors import obs
from backend.client.proxy import proxy_for

TIMEOUT_S = 5.0
_MAX_MESSAGE_BYTES = 1 << 16
# OBS encodes captions as CEA-608, whose lines have 32 characters. It shows each caption for 2 s.
_LIMITS = CueLimits(line_length=32)
_MIN_SHOWN_S = 2.0


class ObsSink:
    """Captions of the stream that OBS sends."""

    name = "OBS"
    limits = _LIMITS
    max_batch = 1

    def __init__(self, url: str, password: str) -> None:
        self._url, self._password = url, password
        self._socket: ClientConnection | None = None
        self._number = 0

    async def connect(self) -> None:
        """Connect and identify, if the connection was lost. Raises SinkError and SinkClosedError."""
        if self._socket is None:
            try:
                async with self._connection_errors():
                    self._socket = await self._open()
                    hello = await self._receive(self._socket)
                    await self._socket.send(obs.identify(hello, self._password))
                    obs.check_identified(await self._receive(self._socket))
            except SinkError:
                await self._disconnect()
                raise

    async def send(self, captions: Sequence[LiveCaption]) -> None:
        """Send a caption. Raises SinkError and SinkClosedError."""
        (caption,) = captions
        self._number += 1
        request = str(self._number)
        socket = self._socket
        assert socket is not None
        async with self._connection_errors():
            await socket.send(obs.caption_request(request, "\n".join(caption.lines)))
            while not obs.is_response(await self._receive(socket), request):
                pass

    def abandon(self) -> None:
        """Captions have no numbers, so the next one is sent as usual."""

    def pause_s(self, captions: Sequence[LiveCaption], waiting: int) -> float:
        """Seconds until the next caption."""
        return max(shown_s(captions[-1], waiting), _MIN_SHOWN_S)

    async def close(self) -> str:
        """Disconnect."""
        await self._disconnect()
        return ""

    async def _open(self) -> ClientConnection:
        return await connect(
            self._url,
            subprotocols=[Subprotocol(obs.SUBPROTOCOL)],
            max_size=_MAX_MESSAGE_BYTES,
            open_timeout=TIMEOUT_S,
            close_timeout=1,
            proxy=proxy_for(self._url),
        )

    @staticmethod
    async def _receive(socket: ClientConnection) -> str:
        message = await socket.recv()
        return message if isinstance(message, str) else ""

    @asynccontextmanager
    async def _connection_errors(self) -> AsyncIterator[None]:
        """Raise SinkError in place of the errors of a connection, which is then lost."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield
            return
        except ConnectionClosed as closed:
            error = _closed(closed)
        except TimeoutError:
            error = SinkError(f"it has not answered within {TIMEOUT_S:g} s")
        except (OSError, WebSocketException, ImportError):
            error = SinkError("it cannot be reached")
        await self._disconnect()
        raise error

    async def _disconnect(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()


def _closed(closed: ConnectionClosed) -> SinkError:
    code = closed.rcvd.code if closed.rcvd else 0
    if reason := obs.FINAL_CLOSE_CODES.get(code):
        return SinkClosedError(reason)
    return SinkError("the connection was lost")
