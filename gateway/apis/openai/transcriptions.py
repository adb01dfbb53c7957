"""`POST /v1/audio/transcriptions` and `/v1/audio/translations`: recordings."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from backend.errors import NovaError, ProtocolError
from backend.messages.languages import whisper_code
from backend.messages.options import MAX_HOTWORDS, MAX_LANGUAGES, MAX_PROMPT, spoken_language
from backend.messages.protocol import Final, ServerMessage, Start
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.pending import address_of
from gateway.apis.errors import InvalidRequestError
from gateway.apis.openai.errors import error_body, invalid_value
from gateway.apis.openai.formats import (
    FORMATS,
    MEDIA_TYPES,
    Rendering,
    ResponseFormat,
    SpeakersUnavailableError,
    speaker_segments,
    token_logprobs,
)
from gateway.apis.openai.models import is_served, model_list, model_object
from gateway.apis.openai.responses import failed, json_response
from gateway.apis.openai.translations import (
    UntranslatedError,
    check_any_translates,
    check_translatable,
    check_translated,
    translation_ways,
)
from gateway.apis.recordings import EventCheck, RecordingSocket, RecordingTranscript, accept_any, collected, transcribed
from gateway.apis.responses import SessionResponse, error_event
from gateway.apis.uploads import Upload, received_form
from gateway.services import GatewayServices

# A recording whose session runs while the context is active: its socket and its events.
RunningRecording = AbstractAsyncContextManager[tuple[RecordingSocket, AsyncIterator[ServerMessage]]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The parameters of a request."""

    start: Start
    form: ResponseFormat
    granularities: tuple[str, ...]
    stream: bool
    logprobs: bool


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def openai_router(services: GatewayServices) -> APIRouter:
    """The HTTP routes of OpenAI's API that are served."""
    routes = _Routes(services)
    router = APIRouter()
    router.add_api_route("/v1/audio/transcriptions", routes.transcribe, methods=["POST"])
    router.add_api_route("/v1/audio/translations", routes.translate, methods=["POST"])
    router.add_api_route("/v1/models", routes.models, methods=["GET"])
    router.add_api_route("/v1/models/{name:path}", routes.model, methods=["GET"])
    return router


class _Routes:
    def __init__(self, services: GatewayServices) -> None:
        self._services = services

    async def models(self, request: Request) -> Response:
        """The names that `model` may have."""
        try:
            await self._services.auth.authenticate(request, "stream")
        except (NovaError, *REDIS_ERRORS) as error:
            return failed(error)
        return json_response(model_list(self._services.admission.models))

    async def model(self, name: str, request: Request) -> Response:
        """One of them."""
        try:
            await self._services.auth.authenticate(request, "stream")
            self._check_model(name)
        except (NovaError, *REDIS_ERRORS) as error:
            return failed(error)
        return json_response(model_object(name))

    async def transcribe(self, request: Request) -> Response:
        """Transcribe a recording."""
        return await self._respond(request, translate=False)

    async def translate(self, request: Request) -> Response:
        """Translate a recording into English."""
        return await self._respond(request, translate=True)

    async def _respond(self, request: Request, *, translate: bool) -> Response:
        stack = AsyncExitStack()
        try:
            caller = await self._services.auth.authenticate(request, "stream")
            if translate:
                check_any_translates(self._services.admission.served)
            upload = await stack.enter_async_context(received_form(request, self._services))
            wanted = self._wanted(upload, translate=translate)
            if wanted.form == "diarized_json" and self._services.admission.served.voices is False:
                raise SpeakersUnavailableError
            run = partial(transcribed, self._services, caller, address_of(request), file=upload.file, protocol="openai")
            if wanted.stream:
                socket, events = await stack.enter_async_context(run(start=wanted.start))
                return SessionResponse(stack, _stream(stack, socket, events, wanted), "text/event-stream")
            async with stack:
                if translate:
                    transcript = await self._translated(request, run, wanted.start)
                else:
                    transcript = await _transcribed(request, run(start=wanted.start))
            rendering = Rendering(transcript, translate=translate)
            body = rendering.render(wanted.form, wanted.granularities, logprobs=wanted.logprobs)
            return Response(body, media_type=MEDIA_TYPES[wanted.form])
        except (NovaError, *REDIS_ERRORS) as error:
            await stack.aclose()
            return failed(error)
        except BaseException:
            await stack.aclose()
            raise

    async def _translated(
        self, request: Request, run: Callable[..., RunningRecording], start: Start
    ) -> RecordingTranscript:
        """The translation of a recording, by the first way that knows its languages."""
        served = self._services.admission.served
        *others, last = translation_ways(_spoken(start), served)
        for way in others:
            with suppress(UntranslatedError):
                recording = run(start=start.model_copy(update=way))
                return await _transcribed(request, recording, lambda event: check_translatable(event, served))
        transcript = await _transcribed(request, run(start=start.model_copy(update=last)))
        check_translated(transcript)
        return transcript

    def _check_model(self, name: str) -> None:
        if not is_served(name, self._services.admission.models):
            message = f"The model '{name[:100]}' does not exist or you do not have access to it."
            raise InvalidRequestError(message, code="model_not_found", status=404, param="model")

    def _wanted(self, upload: Upload, *, translate: bool) -> _Wanted:
        """Check the parameters. Raises InvalidRequestError."""
        if not (model := upload.first("model")):
            raise InvalidRequestError(
                "you must provide a model parameter", code="missing_required_parameter", param="model"
            )
        self._check_model(model)
        form = upload.first("response_format", "json")
        if form not in FORMATS:
            raise invalid_value("response_format", f"must be one of {', '.join(FORMATS)}")
        granularities = tuple(upload.fields.get("timestamp_granularities", ()))
        if set(granularities) - {"word", "segment"}:
            raise invalid_value("timestamp_granularities", "must contain only 'word' and 'segment'")
        include = set(upload.fields.get("include", ()))
        if include - {"logprobs"}:
            raise invalid_value("include", "must contain only 'logprobs'")
        if translate and form == "diarized_json":
            raise invalid_value("response_format", "diarized_json is not served for translations")
        if form == "diarized_json" and (known := [name for name in upload.fields if name.startswith("known_speaker")]):
            raise invalid_value(known[0], "is not served: speakers are labelled A, B and so on")
        if granularities and form != "verbose_json":
            raise invalid_value("timestamp_granularities", "requires response_format 'verbose_json'")
        _check_temperature(upload.first("temperature", "0"))
        stream = _flag(upload, "stream") and not translate
        details = {
            "words": "word" in granularities or form in ("srt", "vtt"),
            "decoding": bool(include) or form == "verbose_json",
            "speakers": form == "diarized_json",
        }
        return _Wanted(_start(upload, details), form, granularities, stream, bool(include))


def _flag(upload: Upload, name: str) -> bool:
    given = upload.first(name, "false").lower()
    if given not in _FLAGS:
        raise invalid_value(name, "must be true or false")
    return _FLAGS[given]


async def _transcribed(
    request: Request, recording: RunningRecording, check: EventCheck = accept_any
) -> RecordingTranscript:
    """The whole transcript, unless `check` raises."""
    transcript = RecordingTranscript()
    async with recording as (socket, events):
        await collected(request, events, transcript, check)
        transcript.finish(socket)
    return transcript


def _start(upload: Upload, details: Mapping[str, bool]) -> Start:
    languages = [code for code in upload.fields.get("language") or upload.fields.get("languages", []) if code]
    if len(languages) > MAX_LANGUAGES:
        raise invalid_value("languages", f"must have at most {MAX_LANGUAGES} entries")
    try:
        for language in languages:
            whisper_code(language)
    except ProtocolError as error:
        raise invalid_value("language", error.message) from None
    return Start(
        **spoken_language(languages),
        prompt=upload.first("prompt")[-MAX_PROMPT:],
        hotwords=", ".join(upload.fields.get("keywords", ()))[:MAX_HOTWORDS],
        partials=False,
        **details,
    )


def _spoken(start: Start) -> tuple[str, ...]:
    """The languages that may be spoken; empty: any."""
    return start.languages if start.language == "auto" else (start.language,)


def _check_temperature(given: str) -> None:
    try:
        valid = 0.0 <= float(given) <= 1.0
    except ValueError:
        valid = False
    if not valid:
        raise invalid_value("temperature", "must be a number from 0 to 1")


async def _stream(
    stack: AsyncExitStack, socket: RecordingSocket, events: AsyncIterator[ServerMessage], wanted: _Wanted
) -> AsyncGenerator[str, None]:
    """Server-sent events: a delta for each utterance, then the whole text."""
    transcript, sent = RecordingTranscript(), ""
    async with stack:
        try:
            async for event in events:
                transcript.apply(event)
                text = transcript.text()
                if isinstance(event, Final) and text.startswith(sent) and text != sent:
                    logprobs = {"logprobs": token_logprobs(event)} if wanted.logprobs else {}
                    yield _server_sent({"type": "transcript.text.delta", "delta": text[len(sent) :], **logprobs})
                    sent = text
                if isinstance(event, Final) and event.text and wanted.form == "diarized_json":
                    for segment in speaker_segments(event):
                        yield _server_sent(segment)
            transcript.finish(socket)
        except NovaError as error:
            yield _server_sent({"type": "error", "error": error_body(error_event(error))})
            return
    done = Rendering(transcript, translate=False).json_body(logprobs=wanted.logprobs)
    yield _server_sent({"type": "transcript.text.done", **done})


def _server_sent(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
