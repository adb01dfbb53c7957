"""The routes of `/v1/listen`: live over a WebSocket, and recordings over HTTP."""

import asyncio
import hashlib
import json
import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.datastructures import QueryParams

from backend.errors import NovaError
from backend.messages.protocol import Start
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.apis.deepgram.live_codec import LiveCodec
from gateway.apis.deepgram.messages import error_body, metadata, recording
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingTranscript, collected, transcribed
from gateway.apis.responses import error_event, http_status
from gateway.apis.uploads import address_of, received_body
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.connection.handshake import refuse, serve_websocket
from gateway.services import GatewayServices


def deepgram_router(services: GatewayServices) -> APIRouter:
    """`/v1/listen`."""
    router = APIRouter()

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

    async def listen(request: Request) -> Response:
        """Transcribe the recording in the body."""
        request_id, created = str(uuid.uuid4()), datetime.now(UTC)
        try:
            body = await _transcribe(services, request, request_id, created)
        except (NovaError, *REDIS_ERRORS) as error:
            known = error if isinstance(error, NovaError) else RedisUnavailableError()
            text = error_body(error_event(known), request_id)
            return Response(text, http_status(known), media_type="application/json")
        return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")

    router.add_api_route("/v1/listen", listen, methods=["POST"])
    return router


async def _transcribe(
    services: GatewayServices, request: Request, request_id: str, created: datetime
) -> dict[str, Any]:
    caller = await services.auth.authenticate(request, "stream")
    parameters = ListenParameters.parse(_query(request.query_params))
    if request.headers.get("content-type", "").startswith("application/json"):
        raise InvalidRequestError("send the recording as the body; URLs are not served", code="invalid_parameter")
    start = Start(**{**parameters.options(), "partials": False, "endpoint_ms": Start().endpoint_ms})
    async with AsyncExitStack() as stack:
        file = await stack.enter_async_context(received_body(request, services, services.settings.max_upload_bytes))
        socket, events = await stack.enter_async_context(
            transcribed(services, caller, address_of(request), start, file)
        )
        transcript = RecordingTranscript()
        await collected(request, events, transcript)
        transcript.finish(socket)
        sha256 = await asyncio.to_thread(_digest, file)
    detected = transcript.language if parameters.detect_language else None
    found = recording(transcript.segments, transcript.text(), utterances=parameters.utterances, detected=detected)
    about = metadata(request_id, sha256, created, transcript.audio_s, parameters.tags)
    return {"metadata": about, "results": found}


def _query(parameters: QueryParams) -> dict[str, list[str]]:
    return {name: parameters.getlist(name) for name in parameters}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
