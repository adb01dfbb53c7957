"""`/v1/rooms/{room}` for moderators: hold lines, release them, correct or remove them."""

import re

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from backend.errors import ProtocolError
from backend.messages.channels import CURSOR_PATTERN
from backend.messages.rooms.moderation import MAX_HOLD_MS
from gateway.apis.native.room_corrections import correct_line, read_correction
from gateway.apis.native.room_errors import reporting_errors
from gateway.rooms.access import HEADERS, require_moderator
from gateway.rooms.reading import checked_room
from gateway.services import GatewayServices

PATH = "/v1/rooms/{room}"


def room_moderation_router(services: GatewayServices) -> APIRouter:
    """The routes of moderators."""
    rooms, router = services.rooms, APIRouter()

    async def moderated_room(request: Request) -> str:
        room = checked_room(request.path_params["room"])
        await require_moderator(services, request, room)
        return room

    async def hold_of(room: str) -> Response:
        hold = await rooms.hold(room)
        return JSONResponse(
            {"hold_ms": hold.hold_ms, "released": hold.released, "now_ms": hold.now_ms}, headers=HEADERS
        )

    async def show_hold(request: Request) -> Response:
        return await hold_of(await moderated_room(request))

    async def set_hold(request: Request) -> Response:
        room, hold_ms = await moderated_room(request), parse_hold(request.query_params.get("hold_ms", ""))
        await rooms.set_hold(room, hold_ms)
        return await hold_of(room)

    async def release(request: Request) -> Response:
        room, cursor = await moderated_room(request), request.query_params.get("cursor", "")
        if not re.fullmatch(CURSOR_PATTERN, cursor):
            raise ProtocolError("cursor: must be the `cursor` of a caption", code="invalid_message")
        await rooms.release(room, cursor)
        return await hold_of(room)

    async def correct(request: Request) -> Response:
        room = await moderated_room(request)
        await correct_line(rooms, room, request.path_params["line"], await read_correction(request, services))
        return Response(status_code=204)

    router.add_api_route(f"{PATH}/hold", reporting_errors(show_hold), methods=["GET"])
    router.add_api_route(f"{PATH}/hold", reporting_errors(set_hold), methods=["POST"])
    router.add_api_route(f"{PATH}/release", reporting_errors(release), methods=["POST"])
    router.add_api_route(f"{PATH}/lines/{{line}}", reporting_errors(correct), methods=["POST"])
    return router


def parse_hold(text: str) -> int:
    """Milliseconds for which lines are held. Raises ProtocolError `invalid_message`."""
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > MAX_HOLD_MS:
        raise ProtocolError(f"hold_ms: must be 0 to {MAX_HOLD_MS}", code="invalid_message")
    return int(text)
