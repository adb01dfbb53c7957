"""The routes of `/v1/listen`, live over a WebSocket and recordings over HTTP, and of `/v2/listen`."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.datastructures import QueryParams

from backend.errors import NovaError
from backend.messages.protocol import Start
from backend.streams.redis.connection import REDIS_ERRORS
from gateway import metrics
from gateway.access.auth import Caller
from gateway.access.pending import address_of
from gateway.apis.deepgram.flux_codec import FluxCodec
from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.apis.deepgram.live_codec import LiveCodec
from gateway.apis.deepgram.messages import error_body, metadata, recording
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.downloads import Downloads
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingTranscript, collected, transcribed, while_connected
from gateway.apis.responses import error_event, http_status
from gateway.apis.uploads import received_body
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.handshake import refuse, serve_websocket
from gateway.services import GatewayServices

# Of a body that has the address of a recording.
MAX_JSON_BYTES = 65_536


def deepgram_router(services: GatewayServices) -> APIRouter:
    """`/v1/listen` and `/v2/listen`."""
    router, downloads = APIRouter(), Downloads(services.settings)

    @router.websocket("/v1/listen")
    async def live(websocket: WebSocket) -> None:
        request_id, now = str(uuid.uuid4()), datetime.now(UTC)
        try:
            parameters = ListenParameters.parse(_query(websocket.query_params))
        except InvalidRequestError as error:
            codec = LiveCodec(ListenParameters.parse({}), request_id, now)
            await refuse(websocket, codec, error, error.status)
            return
        await serve_websocket(websocket, services, LiveCodec(parameters, request_id, now))

    @router.websocket("/v2/listen")
    async def converse(websocket: WebSocket) -> None:
        request_id = str(uuid.uuid4())
        try:
            parameters = FluxParameters.parse(_query(websocket.query_params))
        except InvalidRequestError as error:
            await refuse(websocket, FluxCodec(FluxParameters(), request_id), error, error.status)
            return
        await serve_websocket(websocket, services, FluxCodec(parameters, request_id))

    async def listen(request: Request) -> Response:
        """Transcribe the recording in the body."""
        request_id, created = str(uuid.uuid4()), datetime.now(UTC)
        try:
            body = await _transcribe(services, downloads, request, request_id, created)
        except (NovaError, *REDIS_ERRORS) as error:
            known = error if isinstance(error, NovaError) else RedisUnavailableError()
            metrics.REJECTED.labels(known.code, "deepgram").inc()
            text = error_body(error_event(known), request_id)
            return Response(text, http_status(known), media_type="application/json")
        return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")

    router.add_api_route("/v1/listen", listen, methods=["POST"])
    return router


async def _transcribe(
    services: GatewayServices, downloads: Downloads, request: Request, request_id: str, created: datetime
) -> dict[str, Any]:
    caller = await services.auth.authenticate(request, "stream")
    parameters = ListenParameters.parse(_query(request.query_params))
    start = Start(**{**parameters.options(), "partials": False, "endpoint_ms": Start().endpoint_ms})
    async with AsyncExitStack() as stack:
        file = await stack.enter_async_context(_received(request, services, downloads, caller))
        socket, events = await stack.enter_async_context(
            transcribed(services, caller, address_of(request), start, file, "deepgram")
        )
        transcript = RecordingTranscript()
        await collected(request, events, transcript)
        transcript.finish(socket)
        sha256 = await asyncio.to_thread(_digest, file)
    detected = transcript.language if parameters.detect_language else None
    found = recording(transcript.segments, transcript.text(), utterances=parameters.utterances, detected=detected)
    about = metadata(request_id, sha256, created, transcript.audio_s, parameters.tags)
    return {"metadata": about, "results": found}


@asynccontextmanager
async def _received(
    request: Request, services: GatewayServices, downloads: Downloads, caller: Caller
) -> AsyncIterator[Path]:
    """The recording: the body, or what the address in a JSON body refers to. Raises InvalidRequestError."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        async with received_body(request, services, services.settings.max_upload_bytes) as file:
            yield file
        return
    async with received_body(request, services, MAX_JSON_BYTES) as body:
        url = _url(await asyncio.to_thread(body.read_bytes))
    with ExitStack() as counted:
        # A download counts as a connection without a session, as an upload does.
        counted.enter_context(services.pending.counted(address_of(request)))
        async with downloads.received(url, caller.id, partial(while_connected, request)) as file:
            counted.close()
            yield file


def _url(body: bytes) -> str:
    try:
        url = json.loads(body)["url"]
    except (ValueError, TypeError, KeyError, RecursionError):
        url = None
    if not isinstance(url, str):
        message = "Content-type was application/json, but the body is not an object with a url"
        raise InvalidRequestError(message, code="invalid_json")
    return url


def _query(parameters: QueryParams) -> dict[str, list[str]]:
    return {name: parameters.getlist(name) for name in parameters}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
