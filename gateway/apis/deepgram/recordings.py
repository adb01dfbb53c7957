"""`POST /v1/listen`: a recording in the body or at an address, whose results are awaited or sent to a callback."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from starlette.background import BackgroundTask
from starlette.datastructures import QueryParams

from backend.cli.files.speaker_parts import split_by_speaker
from backend.errors import NovaError
from backend.messages.protocol import Start
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.auth import Caller
from gateway.access.pending import address_of
from gateway.apis.deepgram.callbacks import Callbacks, wait_for_place
from gateway.apis.deepgram.messages import error_body, metadata, recording_channel, recording_utterance
from gateway.apis.deepgram.parameters import Callback, ListenParameters
from gateway.apis.downloads import Downloads
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingTranscript, collect, transcribed, while_connected
from gateway.apis.responses import error_event, http_status, refused
from gateway.apis.uploads import received_body
from gateway.services import GatewayServices

# Of a body that has the address of a recording.
MAX_JSON_BYTES = 65_536

Guard = Callable[[Awaitable[None]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ListenRequest:
    """A request whose body has been received. `source` is the recording, or its URL."""

    id: str
    created: datetime
    parameters: ListenParameters
    caller: Caller
    address: str
    source: Path | str


class ListenRecordings:
    """Answers requests about recordings."""

    def __init__(self, services: GatewayServices) -> None:
        self._services = services
        self._downloads = Downloads(services.settings)
        self._callbacks = Callbacks(services.settings, self._downloads)

    async def answer(self, request: Request) -> Response:
        """Answer with the results, with the id of a request whose results are sent later, or with an error."""
        request_id = str(uuid.uuid4())
        try:
            return await self._answer(request, request_id)
        except (NovaError, *REDIS_ERRORS) as error:
            text, status = _failure(error, request_id)
            return _response(text, status)

    async def _answer(self, request: Request, request_id: str) -> Response:
        caller = await self._services.auth.authenticate(request, "stream")
        parameters = ListenParameters.parse(query_of(request.query_params))
        async with AsyncExitStack() as stack:
            if parameters.callback:
                self._callbacks.check_enabled()
            source = await stack.enter_async_context(received_source(request, self._services))
            if parameters.callback:
                stack.enter_context(self._callbacks.counted(caller.id))
            listen = ListenRequest(request_id, datetime.now(UTC), parameters, caller, address_of(request), source)
            if parameters.callback is None:
                guard = partial(while_connected, request)
                file = await stack.enter_async_context(self._file(listen, guard))
                return _response(await self._results(listen, file, guard))
            # The recording is kept until the results have been sent.
            later = BackgroundTask(self._answer_later, listen, parameters.callback, stack.pop_all())
            return _response(json.dumps({"request_id": request_id}), background=later)

    async def _answer_later(self, listen: ListenRequest, callback: Callback, stack: AsyncExitStack) -> None:
        async with stack:
            try:
                file = await stack.enter_async_context(self._file(listen, _unguarded))
                text = await wait_for_place(lambda: self._results(listen, file, _unguarded))
            except (NovaError, *REDIS_ERRORS) as error:
                text, _ = _failure(error, listen.id)
            await self._callbacks.deliver(callback, text.encode(), listen.id)

    async def _results(self, listen: ListenRequest, file: Path, guard: Guard) -> str:
        """Transcribe a recording. `guard` awaits the work, and may end it early. Raises NovaError and REDIS_ERRORS."""
        start = Start(**{**listen.parameters.options(), "partials": False, "endpoint_ms": Start().endpoint_ms})
        start = start.model_copy(update={"multichannel": listen.parameters.multichannel})
        session = transcribed(self._services, listen.caller, listen.address, start, file, "deepgram")
        async with session as (socket, events), _digest(file) as sha256:
            transcript = RecordingTranscript()
            await guard(collect(events, transcript))
            transcript.finish(socket)
            digest = await sha256
        return json.dumps(_body(listen, transcript, socket.channels, digest), ensure_ascii=False)

    @asynccontextmanager
    async def _file(self, listen: ListenRequest, guard: Guard) -> AsyncIterator[Path]:
        if isinstance(listen.source, Path):
            yield listen.source
            return
        with ExitStack() as counted:
            # A download counts as a connection without a session, as an upload does.
            counted.enter_context(self._services.pending.counted(listen.address))
            async with self._downloads.received(listen.source, listen.caller.id, guard) as file:
                counted.close()
                yield file


@asynccontextmanager
async def received_source(request: Request, services: GatewayServices) -> AsyncIterator[Path | str]:
    """The recording in a body, or the address in a JSON body. Raises InvalidRequestError."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        async with received_body(request, services, services.settings.max_upload_bytes) as file:
            yield file
        return
    async with received_body(request, services, MAX_JSON_BYTES) as body:
        url = _url(await asyncio.to_thread(body.read_bytes))
    yield url


def query_of(parameters: QueryParams) -> dict[str, list[str]]:
    """The values of each parameter."""
    return {name: parameters.getlist(name) for name in parameters}


def _body(listen: ListenRequest, transcript: RecordingTranscript, channels: int, sha256: str) -> dict[str, Any]:
    parameters = listen.parameters
    parts = [transcript]
    if parameters.multichannel:
        parts = [transcript.of_channel(channel) for channel in range(channels)]
    results: dict[str, Any] = {"channels": [_channel(part, parameters) for part in parts]}
    if parameters.utterances:
        parts_of_speakers = enumerate(sorted(split_by_speaker(transcript.segments), key=lambda part: part.start_ms), 1)
        results["utterances"] = [recording_utterance(final, number) for number, final in parts_of_speakers]
    about = metadata(
        listen.id,
        sha256,
        listen.created,
        transcript.audio_s,
        channels=len(parts),
        tags=parameters.tags,
        extra=parameters.extra,
    )
    return {"metadata": about, "results": results}


def _channel(part: RecordingTranscript, parameters: ListenParameters) -> dict[str, Any]:
    detected = part.language if parameters.detect_language else None
    return recording_channel(part.segments, part.text(), detected=detected)


def _failure(error: BaseException, request_id: str) -> tuple[str, int]:
    """The body and the status for an error."""
    known = refused(error, "deepgram")
    return error_body(error_event(known), request_id), http_status(known)


def _response(text: str, status: int = 200, background: BackgroundTask | None = None) -> Response:
    return Response(text, status, media_type="application/json", background=background)


async def _unguarded(work: Awaitable[None]) -> None:
    """Await work whose client has its answer."""
    await work


def _url(body: bytes) -> str:
    try:
        url = json.loads(body)["url"]
    except (ValueError, TypeError, KeyError, RecursionError):
        url = None
    if not isinstance(url, str):
        message = "Content-type was application/json, but the body is not an object with a url"
        raise InvalidRequestError(message, code="invalid_json")
    return url


@asynccontextmanager
async def _digest(file: Path) -> AsyncIterator[asyncio.Task[str]]:
    """The digest of a recording, which is computed in a thread while its session runs."""
    task = asyncio.create_task(asyncio.to_thread(_sha256, file))
    try:
        yield task
    finally:
        task.cancel()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
