"""`/v1/rooms/{room}/captions.*`: the finals of a room as WebVTT, as a live HLS rendition, and as plain text."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from backend.cli.files.subtitles.formats import to_vtt
from backend.errors import NovaError
from backend.messages.jobs import cursor_position
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.pending import address_of
from gateway.apis.captions.live_segments import (
    UnpublishedSegmentError,
    first_needed_ms,
    playlist,
    published_segments,
    segment,
)
from gateway.apis.captions.parameters import FeedQuery, parse_feed_query, parse_segment, segment_query
from gateway.apis.captions.printed_lines import PrintedLines
from gateway.apis.captions.room_log import keep_translating, logged_captions, readable_captions
from gateway.apis.captions.timed_captions import as_cues, as_text, lines_in
from gateway.apis.native.routes import refusal
from gateway.apis.responses import SessionResponse
from gateway.connection.direct_writer import EXTENSION
from gateway.http.http_limits import LimitedHttp
from gateway.rooms.access import admitted, reader_headers
from gateway.rooms.reader import RoomReader
from gateway.rooms.reading import Reading
from gateway.services import GatewayServices

PATH = "/v1/rooms/{room}"
PLAYLIST_TYPE, VTT_TYPE = "application/vnd.apple.mpegurl", "text/vtt; charset=utf-8"
# Interval at which a reader without new lines is checked.
CHECK_S = 15.0
# The cursor before the first caption.
BEGINNING = "0-0"


def captions_router(services: GatewayServices, now: Callable[[], float] = time.time) -> APIRouter:
    """The feeds of rooms for players and other programs."""
    feeds = CaptionFeeds(services, now)
    router = APIRouter()
    router.add_api_route(f"{PATH}/captions.vtt", feeds.serving(feeds.document), methods=["GET"])
    router.add_api_route(f"{PATH}/captions.txt", feeds.serving(feeds.text), methods=["GET"])
    router.add_api_route(f"{PATH}/captions.m3u8", feeds.serving(feeds.playlist), methods=["GET"])
    router.add_api_route(f"{PATH}/captions-{{number}}.vtt", feeds.serving(feeds.segment), methods=["GET"])
    return router


# Serves an admitted request.
Serve = Callable[[Request, FeedQuery, Reading], Awaitable[Response]]


class CaptionFeeds:
    """Answers the requests of one gateway. Nothing is kept between them."""

    def __init__(self, services: GatewayServices, now: Callable[[], float]) -> None:
        self._services, self._rooms, self._now = services, services.rooms, now

    def serving(self, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
        """A route for readers of the room: with its key or a link."""

        async def route(request: Request) -> Response:
            try:
                query = parse_feed_query(request.path_params["room"], request.query_params)
                with self._services.pending.counted(address_of(request)):
                    reading = Reading(query.room, query.language, cursor=BEGINNING)
                    return await serve(request, query, await admitted(self._services, request, reading))
            except (NovaError, *REDIS_ERRORS) as error:
                return refusal(error)

        return route

    async def document(self, _: Request, query: FeedQuery, reading: Reading) -> Response:
        """All lines of the log as one WebVTT file."""
        await keep_translating(self._rooms, query.room, query.language)
        log, epoch_ms = await readable_captions(self._rooms, query.room), await self._epoch_ms(query)
        # Here and below: a thousand lines take too long for the event loop.
        text = await asyncio.to_thread(lambda: to_vtt(as_cues(lines_in(query.language, log), epoch_ms or 0)))
        return Response(text, headers=reader_headers(reading), media_type=VTT_TYPE)

    async def text(self, request: Request, query: FeedQuery, reading: Reading) -> Response:
        """All lines of the log, and if they are followed, later ones."""
        if query.is_followed:
            return await self._followed(request, reading)
        await keep_translating(self._rooms, query.room, query.language)
        log = await readable_captions(self._rooms, query.room)
        text = await asyncio.to_thread(lambda: "".join(map(as_text, lines_in(query.language, log))))
        return PlainTextResponse(text, headers=reader_headers(reading))

    async def playlist(self, request: Request, query: FeedQuery, reading: Reading) -> Response:
        """The playlist of live segments; without any while the room has no captions."""
        await keep_translating(self._rooms, query.room, query.language)
        now_ms, epoch_ms = await self._shown_until_ms(query), await self._epoch_ms(query)
        text = playlist(now_ms if epoch_ms is None else epoch_ms, now_ms, segment_query(request.query_params))
        return Response(text, headers=reader_headers(reading), media_type=PLAYLIST_TYPE)

    async def segment(self, request: Request, query: FeedQuery, reading: Reading) -> Response:
        """One live segment. Raises UnpublishedSegmentError."""
        number, epoch_ms = parse_segment(request.path_params["number"]), await self._epoch_ms(query)
        if epoch_ms is None or number >= published_segments(epoch_ms, await self._shown_until_ms(query)).stop:
            raise UnpublishedSegmentError
        log = await logged_captions(self._rooms, query.room, first_needed_ms(number, epoch_ms))
        text = await asyncio.to_thread(segment, number, epoch_ms, query.language, log)
        return Response(text, headers=reader_headers(reading), media_type=VTT_TYPE)

    async def _followed(self, request: Request, reading: Reading) -> Response:
        connection: LimitedHttp | None = request.scope.get("extensions", {}).get(EXTENSION)
        has_left = connection.has_left if connection else lambda: True
        stack = AsyncExitStack()
        reader = await stack.enter_async_context(self._services.feeds.read(reading))
        return SessionResponse(stack, _lines(reader, has_left), "text/plain", **reader_headers(reading))

    async def _epoch_ms(self, query: FeedQuery) -> int | None:
        """Where the times of a feed begin; None if the room has no captions."""
        if query.epoch_ms is not None:
            return query.epoch_ms
        if (started_ms := await self._rooms.started_ms(query.room)) is not None:
            return started_ms
        log = await logged_captions(self._rooms, query.room)
        return cursor_position(log[0][0])[0] if log else None

    async def _shown_until_ms(self, query: FeedQuery) -> int:
        """Unix time up to which no line waits for a moderator. Segments are published that much later."""
        return (await self._rooms.hold(query.room)).visible_ms(int(1_000 * self._now()))


async def _lines(reader: RoomReader, has_left: Callable[[], bool]) -> AsyncGenerator[str, None]:
    printed = PrintedLines()
    while not reader.ended or reader.has_frames:
        frames = await reader.next_frames(CHECK_S)
        # Without lines nothing is written, and the server does not read while another request waits behind this one.
        if not frames and has_left():
            reader.end("left")
        captions = [frame.caption for frame in frames if frame.cursor]
        if text := "".join(as_text(one) for one in captions if one and printed.is_new(one)):
            yield text
