"""WebSockets at paths that the gateway does not serve."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from gateway.gateway import build
from gateway.http.unknown_paths import WEBSOCKETS
from tests.unit.gateway.connection.memory_gateway import MemoryGateway

SAID = "no WebSocket is served at '/v1/streams'. The paths are /v1/stream (native protocol), /v1/realtime (OpenAI), "


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    for name in ("GATEWAY_AUTH", "GATEWAY_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    return build(MemoryGateway().services)


def paths(routes: Any) -> Iterator[str]:
    """The paths of all WebSocket routes, also of included routers."""
    for route in routes:
        if isinstance(route, WebSocketRoute):
            yield route.path
        yield from paths(getattr(getattr(route, "original_router", None), "routes", ()))


def test_the_message_names_all_paths(app: FastAPI) -> None:
    assert set(paths(app.routes)) == {*WEBSOCKETS, "/{path:path}"}


@pytest.mark.parametrize("path", ["/v1/streams", "/api", "/v1/stream/", "/health"])
def test_a_program_receives_404_with_the_reason(app: FastAPI, path: str) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, TestClient(app).websocket_connect(path):
        pass
    assert refused.value.status_code == 404
    event = json.loads(refused.value.content)
    assert (event["type"], event["code"]) == ("error", "not_found")
    assert event["message"].startswith(SAID.replace("/v1/streams", path))


def test_a_page_receives_the_reason_on_the_socket(app: FastAPI) -> None:
    headers = {"Origin": "http://localhost:3000", "Host": "localhost:8080"}
    with TestClient(app).websocket_connect("/v1/streams", headers=headers) as socket:
        assert socket.receive_json()["message"].startswith(SAID)
        assert socket.receive() == {"type": "websocket.close", "code": 1008, "reason": "not_found"}


def test_a_page_of_a_foreign_origin_learns_nothing(app: FastAPI) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        TestClient(app).websocket_connect("/v1/streams", headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.status_code == 403
    assert b"/v1/stream" not in refused.value.content


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_pages_of_the_framework_that_load_scripts_from_elsewhere_are_not_served(app: FastAPI, path: str) -> None:
    assert TestClient(app).get(path).status_code == 404
