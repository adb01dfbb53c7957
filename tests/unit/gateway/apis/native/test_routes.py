"""The options of an uploaded recording, and the lines of the response."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.datastructures import QueryParams
from starlette.types import Message

from backend.errors import ProtocolError
from gateway.apis.native import routes
from gateway.apis.native.routes import parse_options, recordings_router
from tests.bench.support.door_takes import wav
from tests.unit.gateway.connection.memory_gateway import NOISE, MemoryGateway

SILENCE = wav(np.zeros(16_000 * 3, np.int16))


async def answer(
    content: bytes, query: str = "", gateway: MemoryGateway | None = None, **headers: str
) -> httpx.Response:
    gateway, app = gateway or MemoryGateway(), FastAPI()
    app.include_router(recordings_router(gateway.services))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post(f"/v1/recordings{query}", content=content, headers=headers)


def lines(response: httpx.Response) -> list[Any]:
    return [json.loads(line) for line in response.text.splitlines()]


def test_the_query_has_the_options_of_start() -> None:
    start = parse_options(QueryParams("language=en&translate_to=es&translate_to=zh-Hant&hotwords=Nova&unknown=1"))
    assert parse_options(QueryParams("formatting=numerals&formatting=fillers")).formatting == ("numerals", "fillers")
    assert (start.language, start.translate_to, start.hotwords) == ("en", ("es", "zh-Hant"), "Nova")
    assert not start.partials


@pytest.mark.parametrize("query", ["endpoint_ms=1", "words=perhaps", "finals=fast"])
def test_an_invalid_option_is_described(query: str) -> None:
    with pytest.raises(ProtocolError, match=query.partition("=")[0]):
        parse_options(QueryParams(query))


async def test_the_response_begins_with_the_length_and_ends_with_done() -> None:
    response = await answer(SILENCE)
    assert response.headers["content-type"] == "application/x-ndjson"
    first, *_, last = lines(response)
    assert first == {"type": "recording", "length_ms": 3_000}
    assert last == {"type": "done"}


async def test_a_file_without_audio_is_refused_with_an_error_event(tmp_path: Path) -> None:
    response = await answer(b"This is text and not sound. " * 100)
    assert response.status_code == 400
    assert response.json()["type"] == "error"
    assert response.json()["fatal"]
    assert "nova-upload" not in response.text, "the name of the temporary file is not public"


async def test_a_truncated_recording_ends_with_a_notice_before_done() -> None:
    *_, notice, last = lines(await answer(SILENCE[:50_044]))
    assert (notice["type"], last["type"]) == ("notice", "done")
    assert notice["message"].startswith("the recording ")


async def test_pages_of_foreign_origins_are_refused() -> None:
    assert (await answer(SILENCE, origin="https://elsewhere.example")).status_code == 403


async def test_a_session_that_ends_early_is_an_error_and_no_transcript(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker recognizes the speech, and the gateway closes all connections. Until then, blank lines are sent."""
    monkeypatch.setattr(routes, "BLANK_LINE_S", 0.05)
    gateway = MemoryGateway()
    gateway.services.registry.closing = True
    response = await answer(wav(np.concatenate([NOISE, np.zeros(32_000, np.int16)])), gateway=gateway)
    texts = response.text.splitlines()
    assert "" in texts
    last = json.loads(texts[-1])
    assert (last["type"], last["code"], last["fatal"]) == ("error", "draining", True)
    assert not any('"done"' in text for text in texts)


def test_channels_can_be_recognized_separately() -> None:
    start = parse_options(QueryParams("multichannel=true&channel_order=time"))
    assert (start.multichannel, start.channel_order) == (True, "time")


async def test_a_client_that_leaves_before_the_first_line_ends_its_session() -> None:
    gateway, app, left = MemoryGateway(), FastAPI(), asyncio.Event()
    app.include_router(recordings_router(gateway.services))
    requests: list[Message] = [{"type": "http.request", "body": SILENCE}]

    async def receive() -> Message:
        if requests:
            return requests.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        left.set()
        await asyncio.sleep(1)

    headers = [(b"host", b"localhost")]
    request = {"type": "http", "method": "POST", "path": "/v1/recordings", "query_string": b"", "headers": headers}
    await app({**request, "client": ("127.0.0.1", 1)}, receive, send)
    assert gateway.services.registry.recordings == 0
