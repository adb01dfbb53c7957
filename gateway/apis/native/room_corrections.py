"""`POST /v1/rooms/{room}/lines/{line}`: a moderator corrects or removes a line."""

import asyncio

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import ClientError, ProtocolError
from backend.messages.rooms.captions import MAX_CORRECTION
from backend.streams.rooms.rooms import RedisRooms
from gateway.apis.captions.room_log import logged_captions
from gateway.apis.uploads import received_body
from gateway.rooms.lines.corrections import corrected_captions
from gateway.services import GatewayServices

# Of a request. A character may be escaped with 12 bytes.
MAX_BODY_BYTES = 12 * MAX_CORRECTION + 1_000


class UnknownLineError(ClientError):
    """The room has no final of a line in a language."""

    code = "unknown_line"


class LineCorrection(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(max_length=MAX_CORRECTION)
    # "": the language in which the line was spoken.
    language: str = Field(default="", max_length=20)


async def read_correction(request: Request, services: GatewayServices) -> LineCorrection:
    """Read the body. Raises ProtocolError `invalid_message`, and as `received_body`."""
    async with received_body(request, services, MAX_BODY_BYTES) as file:
        content = await asyncio.to_thread(file.read_bytes)
    try:
        return LineCorrection.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise ProtocolError(f"{where}: {first['msg']}", code="invalid_message") from None


async def correct_line(rooms: RedisRooms, room: str, line: str, wanted: LineCorrection) -> None:
    """Replace the text of a line for its readers, also later ones. Raises UnknownLineError and REDIS_ERRORS."""
    corrected = corrected_captions(await logged_captions(rooms, room), line, wanted.text.strip(), wanted.language)
    if corrected is None:
        raise UnknownLineError("this room has no final of this line in this language")
    await rooms.correct(room, *corrected)
