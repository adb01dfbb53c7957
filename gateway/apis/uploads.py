"""Multipart uploads, streamed to disk with a limit on their size."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from backend.errors import ClientError
from gateway.access.pending import address_of
from gateway.apis.errors import InvalidRequestError
from gateway.services import GatewayServices

# Uploads come after requests and live clients that catch up.
UPLOAD_EXCESS_S = 10.0
# A form has one file and some options.
MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 1, 100, 1 << 16
# A client that sends nothing for this long has left. One that sends less per second, after that time, is refused.
IDLE_S, MIN_BYTES_PER_S = 30.0, 1_024


@dataclass(frozen=True, slots=True)
class Upload:
    """A form whose file is on disk until the end of the block. `fields` are lists, because fields may be repeated."""

    file: Path
    fields: dict[str, list[str]]

    def first(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return self.fields.get(name, [default])[0]


@asynccontextmanager
async def received_form(request: Request, services: GatewayServices, field: str = "file") -> AsyncIterator[Upload]:
    """Receive a multipart form with one file in `field`. Raises InvalidRequestError and TooManyConnectionsError."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidRequestError("the body must be multipart/form-data", code="invalid_content_type", status=415)
    with services.pending.counted(address_of(request)):
        form = await _parse(request, services, services.settings.max_upload_bytes)
    try:
        file = form.get(field)
        if not isinstance(file, UploadFile):
            raise InvalidRequestError(f"missing file: {field}", code="missing_required_parameter", param=field)
        with NamedTemporaryFile(prefix="nova-upload-") as copy:
            # In a thread: the event loop serves live sessions.
            await asyncio.to_thread(shutil.copyfileobj, file.file, copy)
            copy.flush()
            names = {name.removesuffix("[]") for name, value in form.multi_items() if isinstance(value, str)}
            yield Upload(Path(copy.name), {name: _values(form, name) for name in names})
    finally:
        await form.close()


@asynccontextmanager
async def received_body(request: Request, services: GatewayServices, max_bytes: int) -> AsyncIterator[Path]:
    """Receive a body that is no form. Raises InvalidRequestError and TooManyConnectionsError."""
    with NamedTemporaryFile(prefix="nova-upload-") as file:
        with services.pending.counted(address_of(request)):
            async for block in _limited(request, services, max_bytes):
                file.write(block)
        file.flush()
        yield Path(file.name)


def _values(form: FormData, name: str) -> list[str]:
    return [value for key in (name, f"{name}[]") for value in form.getlist(key) if isinstance(value, str)]


async def _parse(request: Request, services: GatewayServices, max_bytes: int) -> FormData:
    parser = MultiPartParser(
        request.headers,
        _limited(request, services, max_bytes),
        max_files=MAX_FILES,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidRequestError(error.message, code="invalid_form") from None


async def _limited(request: Request, services: GatewayServices, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The blocks of a body. Each one waits for its turn."""
    declared: Any = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    loop, received, took_s = asyncio.get_running_loop(), 0, 0.0
    blocks, began = request.stream(), loop.time()
    while (block := await _next_block(blocks)) is not None:
        received += len(block)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if loop.time() - began > IDLE_S + received / MIN_BYTES_PER_S:
            raise _too_slow(f"less than {MIN_BYTES_PER_S} bytes per second were received")
        await services.turns.wait(took_s, UPLOAD_EXCESS_S)
        yielded = loop.time()
        yield block
        took_s = loop.time() - yielded


async def _next_block(blocks: AsyncGenerator[bytes, None]) -> bytes | None:
    try:
        async with asyncio.timeout(IDLE_S):
            return await anext(blocks, None)
    except ClientDisconnect:
        raise ClientError("the client has disconnected", code="disconnected") from None
    except TimeoutError:
        raise _too_slow(f"nothing was received for {IDLE_S:g} s") from None


def _too_slow(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, code="upload_timeout", status=408)


def _too_large(max_bytes: int) -> InvalidRequestError:
    limit = f"{max_bytes >> 20} MiB" if max_bytes >= 1 << 20 else f"{max_bytes >> 10} KiB"
    return InvalidRequestError(f"the body exceeds {limit}", code="file_too_large", status=413)
