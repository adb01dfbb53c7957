"""Uploads, streamed to disk with a limit on their size."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from backend.errors import ClientError
from gateway.access.pending import address_of
from gateway.apis.errors import InvalidRequestError
from gateway.apis.form_reader import FormReader
from gateway.services import GatewayServices

# Uploads come after requests and live clients that catch up.
UPLOAD_EXCESS_S = 10.0
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
    with NamedTemporaryFile(prefix="nova-upload-") as file:
        form = FormReader(request.headers.get("content-type", ""), field, file)
        await _receive(request, services, services.settings.max_upload_bytes, form.write)
        form.finish()
        yield Upload(Path(file.name), form.fields)


@asynccontextmanager
async def received_body(request: Request, services: GatewayServices, max_bytes: int) -> AsyncIterator[Path]:
    """Receive a body that is no form. Raises InvalidRequestError and TooManyConnectionsError."""
    with NamedTemporaryFile(prefix="nova-upload-") as file:
        await _receive(request, services, max_bytes, file.write)
        file.flush()
        yield Path(file.name)


async def _receive(
    request: Request, services: GatewayServices, max_bytes: int, write: Callable[[bytes], object]
) -> None:
    """Write all blocks of a body. Until then, the request is a connection without a session."""
    with services.pending.counted(address_of(request)):
        async with aclosing(_limited(request, services, max_bytes)) as blocks:
            async for block in blocks:
                write(block)


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
