"""Reads the captions of a room, and continues after the last one when the connection is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
from pydantic import ValidationError

from backend.backoff import Backoff
from backend.cli.follow.event_stream import EventStreamParser, EventTooLongError, StreamEvent
from backend.errors import NovaError
from backend.local.certificate_problems import certificate_problem
from backend.local.discovery import NoServerError, Server, UntrustedServerError, http_url
from backend.messages.rooms.captions import Caption
from backend.service.http_clients import async_http_client

CONNECT_TIMEOUT_S = 10.0
# Gateways send a comment every 15 s while there are no captions.
READ_TIMEOUT_S = 45.0
BASE_S, CAP_S = 0.5, 10.0
# Of an error of a gateway.
MAX_REFUSAL_BYTES = 1 << 16
# Repeated until they succeed, as is every status from 500.
_TEMPORARY = {408, 429}
# Reasons of the event "end" after which a reader must not connect again.
_FINAL_REASONS = ("link_ended", "key_ended")


class RoomRefusedError(NovaError):
    """The server does not let this user read the room. The code is that of the server."""


class RoomSource:
    """The captions of a room in one language. `say` receives lines for the user."""

    def __init__(self, server: Server, room: str, language: str, say: Callable[[str], None]) -> None:
        self._server, self._room, self._say = server, room, say
        self._query: dict[str, str] = {"lang": language, "lines": "0"}
        self._backoff = Backoff(BASE_S, CAP_S)
        self._was_connected, self._is_lost, self._is_over = False, False, False

    async def captions(self) -> AsyncIterator[Caption]:
        """Yield captions until the link of the reader ends.

        Raises NoServerError if no server answers the first request, and RoomRefusedError.
        """
        headers = {"Authorization": f"Bearer {self._server.key}"} if self._server.key else {}
        timeout = httpx.Timeout(CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
        async with async_http_client(
            self._server.url, tls=self._server.tls, headers=headers, timeout=timeout
        ) as client:
            while not self._is_over:
                try:
                    async for event in self._events(client):
                        if caption := self._apply(event):
                            yield caption
                except (httpx.HTTPError, EventTooLongError, TimeoutError) as error:
                    self._require_first(error)
                if not self._is_over:
                    self._report_loss("the connection to the room was lost; reconnecting")
                    await asyncio.sleep(self._backoff.next_delay_s())

    async def _events(self, client: httpx.AsyncClient) -> AsyncIterator[StreamEvent]:
        """Yield the events of one connection. Raises httpx.HTTPError, EventTooLongError and RoomRefusedError."""
        url = http_url(self._server.url, f"/v1/rooms/{self._room}/events")
        async with client.stream("GET", url, params=self._query) as response:
            if not response.is_success:
                await self._check_refusal(response)
                return
            self._report_connection()
            parser = EventStreamParser()
            async for received in response.aiter_bytes():
                for event in parser.feed(received):
                    yield event

    def _apply(self, event: StreamEvent) -> Caption | None:
        if event.name == "end" and any(reason in event.data for reason in _FINAL_REASONS):
            self._is_over = True
            self._say("the link to the room, or its key, has ended")
        if event.name != "caption":
            return None
        try:
            caption = Caption.model_validate_json(event.data)
        except ValidationError:
            raise RoomRefusedError("the server sends captions of another release", code="protocol_error") from None
        if caption.cursor:
            self._query = {"lang": self._query["lang"], "cursor": caption.cursor}
        return caption

    async def _check_refusal(self, response: httpx.Response) -> None:
        """Raises RoomRefusedError unless the room may be read later."""
        if response.status_code >= 500 or response.status_code in _TEMPORARY:
            return
        error = _refusal(await _beginning(response), response.status_code)
        if error.code != "unknown_room":
            raise error
        # With keys, a room exists when its first session has begun.
        self._report_loss(f"{error.message}; waiting for its first session")

    def _require_first(self, error: Exception) -> None:
        """Raises NoServerError if the server never answered."""
        if not self._was_connected and isinstance(error, httpx.TransportError):
            if problem := certificate_problem(self._server.url, error):
                raise UntrustedServerError(problem) from None
            raise NoServerError(f"no Nova Voice server answers at {self._server.url}") from None

    def _report_loss(self, line: str) -> None:
        self._was_connected = True
        if not self._is_lost:
            self._is_lost = True
            self._say(line)

    def _report_connection(self) -> None:
        self._backoff.reset()
        if self._is_lost or not self._was_connected:
            self._say(f"reading the room {self._room}; press Ctrl-C to stop")
        self._was_connected, self._is_lost = True, False


async def _beginning(response: httpx.Response) -> bytes:
    """The beginning of a body: another server may send one without an end."""
    received = b""
    async with asyncio.timeout(READ_TIMEOUT_S):
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > MAX_REFUSAL_BYTES:
                break
    return received


def _refusal(body: bytes, status: int) -> RoomRefusedError:
    """The error that the server describes."""
    try:
        described = httpx.Response(status, content=body).json()
        return RoomRefusedError(str(described["message"]), code=str(described["code"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return RoomRefusedError(f"the server answers with status {status}; it may be of an earlier release")
