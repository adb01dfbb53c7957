"""Recordings by `url` count as connections without a session while they are downloaded."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from gateway.access.auth import Caller
from gateway.access.pending import PendingConnections, TooManyConnectionsError
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.deepgram.recordings import ListenRecordings, ListenRequest, received_source
from gateway.apis.downloads import Downloads
from gateway.apis.responses import http_status
from gateway.http.turns import Turns
from gateway.settings import GatewaySettings

ADDRESS = "10.0.0.1"


async def unguarded(work: Awaitable[None]) -> None:
    await work


def request() -> Request:
    headers = [(b"content-type", b"application/json")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"url": "http://talks.example/"}).encode()}

    scope = {"type": "http", "method": "POST", "path": "/v1/listen", "headers": headers, "client": (ADDRESS, 1)}
    return Request(scope, receive)


async def test_a_download_is_counted_until_it_is_received() -> None:
    connections, seen = PendingConnections(10, 1), list[Any]()
    services: Any = SimpleNamespace(pending=connections, settings=GatewaySettings(), turns=Turns())

    class CountingDownloads(Downloads):
        @asynccontextmanager
        async def received(self, url: str, caller: str, guard: Any) -> AsyncIterator[Path]:
            seen.append((url, caller, len(connections)))
            yield Path("talk")

    recordings, parameters = ListenRecordings(services), ListenParameters.parse({})
    recordings._downloads = CountingDownloads(GatewaySettings())
    caller = Caller("key", frozenset())

    async def receive() -> None:
        async with received_source(request(), services) as url:
            listen = ListenRequest("id", datetime.now(UTC), parameters, caller, ADDRESS, url)
        async with recordings._file(listen, unguarded) as file:
            seen.append((file, len(connections)))

    await receive()
    assert seen == [("http://talks.example/", "key", 1), (Path("talk"), 0)]
    with connections.counted(ADDRESS), pytest.raises(TooManyConnectionsError) as refused:
        await receive()
    assert http_status(refused.value) in (429, 503)
    assert len(seen) == 2
