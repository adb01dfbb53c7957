"""`/v1/speakers`: enrol a voice from a recording, and list, export and remove the voices of the caller."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import QueryParams

from backend.errors import NovaError
from backend.messages.protocol import EnrolmentSample, ServerMessage, SpeakerEnrolled, Start, parse_client
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.auth import Caller
from gateway.access.pending import address_of
from gateway.apis.native.routes import refusal
from gateway.apis.recordings import RecordingFailedError, transcribed, while_connected
from gateway.apis.uploads import received_body
from gateway.services import GatewayServices

PATH = "/v1/speakers"
# Voices are personal data, so no cache may keep them.
HEADERS = {"Cache-Control": "no-store"}


class EnrolmentResult:
    """The events of a session that enrols a voice."""

    def __init__(self) -> None:
        self.samples: list[EnrolmentSample] = []
        self.enrolled: SpeakerEnrolled | None = None

    async def collect(self, events: AsyncIterator[ServerMessage]) -> None:
        """Read all events. Raises RecordingFailedError if the voice is refused."""
        async for event in events:
            match event:
                case EnrolmentSample():
                    self.samples.append(event)
                case SpeakerEnrolled():
                    self.enrolled = event

    @property
    def judged(self) -> list[dict[str, object]]:
        """The samples as the response contains them."""
        return [one.model_dump(exclude={"type", "channel"}, exclude_none=True) for one in self.samples]

    def body(self) -> dict[str, object]:
        """The body of the response."""
        stored = self.enrolled.model_dump(exclude={"type", "channel"}) if self.enrolled else {}
        return {**stored, "judged": self.judged}

    def refusal(self, error: NovaError) -> Response:
        """The error of an enrolment that failed, with the samples: the client must know which ones to replace."""
        described = refusal(error)
        body = {**json.loads(bytes(described.body)), "judged": self.judged}
        return JSONResponse(body, described.status_code, HEADERS)


def speakers_router(services: GatewayServices) -> APIRouter:
    """The routes of `/v1/speakers`."""
    voices = services.voices

    async def enrol(request: Request, caller: Caller) -> Response:
        start = parse_enrolment(request.query_params)
        result = EnrolmentResult()
        async with (
            received_body(request, services, services.settings.max_upload_bytes) as file,
            transcribed(services, caller, address_of(request), start, file, "native") as (_, events),
        ):
            try:
                await while_connected(request, result.collect(events))
            except RecordingFailedError as error:
                return result.refusal(error)
        return JSONResponse(result.body(), 201, HEADERS)

    async def list_all(_: Request, caller: Caller) -> Response:
        return JSONResponse([profile.summary() for profile in await voices.all(caller.id)], headers=HEADERS)

    async def export(request: Request, caller: Caller) -> Response:
        profile = await voices.find(caller.id, request.path_params["name"])
        return JSONResponse(profile.model_dump(), headers=HEADERS)

    async def remove(request: Request, caller: Caller) -> Response:
        await voices.remove(caller.id, request.path_params["name"])
        return Response(status_code=204)

    router = APIRouter()
    router.add_api_route(PATH, _for_caller(services, enrol), methods=["POST"])
    router.add_api_route(PATH, _for_caller(services, list_all), methods=["GET"])
    router.add_api_route(f"{PATH}/{{name}}", _for_caller(services, export), methods=["GET"])
    router.add_api_route(f"{PATH}/{{name}}", _for_caller(services, remove), methods=["DELETE"])
    return router


def parse_enrolment(query: QueryParams) -> Start:
    """The session that enrols a voice. Raises ProtocolError `invalid_message`."""
    enrol = {name: query[name] for name in ("name", "consent", "days") if name in query}
    options = {"language": query["language"]} if "language" in query else {}
    start = parse_client(json.dumps({"type": "start", **options, "partials": False, "enrol": enrol}))
    assert isinstance(start, Start)
    return start


def _for_caller(
    services: GatewayServices, work: Callable[[Request, Caller], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """A route that a caller with the scope "stream" may use, and whose errors are `error` events."""

    async def route(request: Request) -> Response:
        try:
            return await work(request, await services.auth.authenticate(request, "stream"))
        except (NovaError, *REDIS_ERRORS) as error:
            return refusal(error)

    return route
