"""`/v1/rooms/{room}`: read a published session as server-sent events, and manage the links of a room."""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from operator import attrgetter
from typing import cast, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from backend.errors import ProtocolError
from backend.messages.rooms.links import DEFAULT_LINK_S, MAX_LINK_NAME, MAX_LINK_S, MIN_LINK_S, LinkScope
from gateway.access.pending import address_of
from gateway.apis.native.room_errors import reporting_errors
from gateway.connection.direct_writer import EXTENSION
from gateway.http.http_limits import LimitedHttp
from gateway.rooms.access import HEADERS, admitted, reader_headers, require_owner
from gateway.rooms.reader import RoomReader
from gateway.rooms.reading import checked_room, parse_reading
from gateway.services import GatewayServices

PATH = "/v1/rooms/{room}"
# Interval of comments while there are no captions, so that proxies keep the connection.
KEEPALIVE_S = 15.0
# Milliseconds after which a browser connects again.
RETRY_MS = 2_000


def rooms_router(services: GatewayServices) -> APIRouter:
    """The routes of `/v1/rooms`."""

    async def events(request: Request) -> Response:
        reading = parse_reading(
            request.path_params["room"], request.query_params, request.headers.get("last-event-id", "")
        )
        with services.pending.counted(address_of(request)):
            reading = await admitted(services, request, reading)
            stack = AsyncExitStack()
            reader = await stack.enter_async_context(services.feeds.read(reading))
        return RoomResponse(stack, reader, reader_headers(reading))

    async def add_link(request: Request) -> Response:
        room = checked_room(request.path_params["room"])
        name, lifetime_s, scope = parse_link(request.query_params)
        caller = await services.auth.authenticate(request, "stream")
        owner = (await services.rooms.owner(room) if caller.has_scope("admin") else None) or caller.id
        link, token = await services.room_links.create(room, owner, name, lifetime_s, scope)
        return JSONResponse({**link.summary(), "token": token}, 201, HEADERS)

    async def list_links(request: Request) -> Response:
        room = checked_room(request.path_params["room"])
        await require_owner(services, request, room)
        return JSONResponse([link.summary() for link in await services.room_links.all(room)], headers=HEADERS)

    async def revoke_link(request: Request) -> Response:
        room = checked_room(request.path_params["room"])
        await require_owner(services, request, room)
        await services.room_links.revoke(room, request.path_params["link"])
        return Response(status_code=204)

    router = APIRouter()
    router.add_api_route(f"{PATH}/events", reporting_errors(events), methods=["GET"])
    router.add_api_route(f"{PATH}/links", reporting_errors(add_link), methods=["POST"])
    router.add_api_route(f"{PATH}/links", reporting_errors(list_links), methods=["GET"])
    router.add_api_route(f"{PATH}/links/{{link}}", reporting_errors(revoke_link), methods=["DELETE"])
    return router


def parse_link(query: QueryParams) -> tuple[str, int, LinkScope]:
    """The name, the lifetime in seconds and the scope of a new link. Raises ProtocolError `invalid_message`."""
    name, lifetime = query.get("name", ""), query.get("expires_s", str(DEFAULT_LINK_S))
    if len(name) > MAX_LINK_NAME:
        raise ProtocolError(f"name: has more than {MAX_LINK_NAME} characters", code="invalid_message")
    if not re.fullmatch("[0-9]{1,9}", lifetime) or not MIN_LINK_S <= int(lifetime) <= MAX_LINK_S:
        raise ProtocolError(f"expires_s: must be {MIN_LINK_S} to {MAX_LINK_S}", code="invalid_message")
    scope = query.get("scope", "read")
    if scope not in get_args(LinkScope):
        raise ProtocolError("scope: must be read or moderate", code="invalid_message")
    return name, int(lifetime), cast("LinkScope", scope)


class RoomResponse(StreamingResponse):
    """The captions of one reader, which the feed of the room writes directly to the connection."""

    def __init__(self, stack: AsyncExitStack, reader: RoomReader, headers: Mapping[str, str]) -> None:
        super().__init__((), headers=headers, media_type="text/event-stream")
        self._stack, self._reader = stack, reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait until the reader is disconnected, or leaves."""
        connection: LimitedHttp | None = scope.get("extensions", {}).get(EXTENSION)
        async with self._stack:
            if connection is None:  # the client has left
                return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _send_part(send, f"retry: {RETRY_MS}\n\n".encode())
            self._reader.attach(connection, attrgetter("chunk" if connection.is_chunked else "server_sent_event"))
            while not await self._reader.wait_until_ended(KEEPALIVE_S):
                if self._reader.was_idle() and connection.can_write:
                    await _send_part(send, b":\n\n")
            await self._send_end(send)

    async def _send_end(self, send: Send) -> None:
        waiting = b"".join([frame.server_sent_event for frame in self._reader.detach()])
        end = f'event: end\ndata: {{"reason":"{self._reader.ended}"}}\n\n'
        await send({"type": "http.response.body", "body": waiting + end.encode()})


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
