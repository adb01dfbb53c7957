"""Asterisk gets its answer in time, also while the session is still being opened."""

import json
from typing import cast

import pytest
from fastapi import WebSocket

from backend.messages.protocol import Ready
from gateway.apis.aeap import routes
from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.apis.aeap.routes import answer_in_time

SETUP = '{"request":"setup","id":"1","codecs":[{"name":"ulaw"}]}'


class _Sent:
    def __init__(self, *, is_closed: bool = False) -> None:
        self.frames: list[str] = []
        self._is_closed = is_closed

    async def send_text(self, data: str) -> None:
        if self._is_closed:
            raise RuntimeError("the WebSocket is closed")
        self.frames.append(data)


def opening() -> SpeechEngineCodec:
    codec = SpeechEngineCodec("call_1", {})
    codec.configure(SETUP)
    return codec


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ANSWER_AFTER_S", 0)


async def test_a_session_that_opens_slowly_is_answered_before() -> None:
    socket = _Sent()
    await answer_in_time(cast(WebSocket, socket), opening())
    assert [json.loads(frame)["response"] for frame in socket.frames] == ["setup"]


async def test_a_session_that_is_open_has_its_answer() -> None:
    socket, codec = _Sent(), opening()
    codec.open()
    assert len(codec.encode(Ready(session="s"))) == 1
    await answer_in_time(cast(WebSocket, socket), codec)
    assert socket.frames == []


async def test_a_client_that_has_left_is_no_error() -> None:
    await answer_in_time(cast(WebSocket, _Sent(is_closed=True)), opening())
