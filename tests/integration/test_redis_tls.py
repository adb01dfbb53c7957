"""Redis with TLS and a password is configured by its URL, and rejects clients without a valid password."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS
from tests.testkit.servers.certificate import self_signed


@asynccontextmanager
async def behind_tls(redis_url: str, cert: Path, key: Path) -> AsyncIterator[int]:
    """A port with TLS in front of Redis, because the packaged server is built without TLS."""
    place = urlsplit(redis_url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    async def pipe(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(place.hostname, place.port)
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_redis_is_reached_over_tls_with_user_and_password(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    await redis.acl_setuser("tls", enabled=True, passwords=["+secret"], commands=["+ping", "+hello", "+client"])
    cert, key = self_signed(tmp_path)
    async with behind_tls(redis_url, cert, key) as port:
        trusted = client(f"rediss://tls:secret@localhost:{port}/0?ssl_ca_certs={cert}")
        assert await trusted.ping()
        await trusted.aclose()
        for url, error in (
            (f"rediss://tls:guess@localhost:{port}/0?ssl_ca_certs={cert}", AuthenticationError),
            (f"rediss://tls:secret@localhost:{port}/0", REDIS_ERRORS),
            (f"redis://tls:secret@localhost:{port}/0", REDIS_ERRORS),
        ):
            stranger = client(url)
            with pytest.raises(error):
                await stranger.ping()
            await stranger.aclose()
    await redis.acl_deluser("tls")
