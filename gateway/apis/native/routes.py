"""`POST /v1/recordings`: a recording in the body, and the events of its session, one JSON object per line."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Literal

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from backend.cli.files.media.errors import DamagedAudioError, TruncatedAudioError
from backend.errors import NovaError
from backend.messages.options import Message, Options
from backend.messages.protocol import Done, Notice, ServerMessage, Start, parse_client, to_json
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.pending import address_of
from gateway.apis.recordings import RecordingSocket, transcribed
from gateway.apis.responses import SessionResponse, error_event, http_status, refused
from gateway.apis.uploads import received_body
from gateway.services import GatewayServices

# A reverse proxy must pass each line on at once (nginx: X-Accel-Buffering).
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Parameters that are lists: they may be repeated.
_LISTS = frozenset({"languages", "translate_to", "known_speakers", "formatting"})
# Fields of `start` that are no options of a session.
_OF_START = frozenset({"multichannel", "channel_order", "known_speakers", "only_speaker"})
# Proxies close a connection on which nothing is sent. A recording may wait longer than that behind live speech.
BLANK_LINE_S = 20.0


class RecordingOpened(Message):
    """The first line: the recording was received and can be read."""

    type: Literal["recording"] = "recording"
    length_ms: int | None = None
    """The best estimate, for the display of progress. Missing if the file does not say."""


def recordings_router(services: GatewayServices) -> APIRouter:
    """`POST /v1/recordings`."""

    async def transcribe(request: Request) -> Response:
        stack = AsyncExitStack()
        try:
            caller = await services.auth.authenticate(request, "stream")
            start = parse_options(request.query_params)
            file = await stack.enter_async_context(received_body(request, services, services.settings.max_upload_bytes))
            opened = transcribed(services, caller, address_of(request), start, file, "native")
            socket, events = await stack.enter_async_context(opened)
        except (NovaError, *REDIS_ERRORS) as error:
            await stack.aclose()
            return refusal(error)
        except BaseException:
            await stack.aclose()
            raise
        return SessionResponse(stack, _lines(socket, events), "application/x-ndjson", **HEADERS)

    router = APIRouter()
    router.add_api_route("/v1/recordings", transcribe, methods=["POST"])
    return router


def parse_options(query: QueryParams) -> Start:
    """The options in a query, with the names that they have in `start`. Raises ProtocolError `invalid_message`."""
    known = (Options.model_fields.keys() | _OF_START) & query.keys()
    values = {name: query.getlist(name) if name in _LISTS else query[name] for name in known}
    start = parse_client(json.dumps({**values, "type": "start", "partials": False}))
    assert isinstance(start, Start)
    return start


async def _lines(socket: RecordingSocket, events: AsyncIterator[ServerMessage]) -> AsyncGenerator[str, None]:
    yield f"{to_json(RecordingOpened(length_ms=socket.length_ms))}\n"
    try:
        async with aclosing(_with_pauses(events)) as lines:
            async for event in lines:
                yield f"{to_json(event)}\n" if event else "\n"
        yield f"{to_json(_end(socket))}\n"
    except NovaError as error:
        yield f"{to_json(error_event(error))}\n"
        return
    if socket.problem:
        yield f"{to_json(Done())}\n"


async def _with_pauses(events: AsyncIterator[ServerMessage]) -> AsyncGenerator[ServerMessage | None, None]:
    """The events, and None whenever there was none for a while."""
    following = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=BLANK_LINE_S)
            if not done:
                yield None
                continue
            if (event := following.result()) is None:
                return
            following = asyncio.ensure_future(anext(events, None))
            yield event
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _end(socket: RecordingSocket) -> Done | Notice:
    """`done`, or the notice that precedes it if only a part could be read. Raises MediaError if nothing could."""
    if socket.problem is None:
        return Done()
    if not isinstance(socket.problem, DamagedAudioError | TruncatedAudioError):
        raise socket.problem
    event = error_event(socket.problem)
    return Notice(code=event.code, message=event.message)


def refusal(error: BaseException) -> Response:
    """The `error` event as a response with its HTTP status."""
    known = refused(error, "native")
    return Response(to_json(error_event(known)), http_status(known), media_type="application/json")
