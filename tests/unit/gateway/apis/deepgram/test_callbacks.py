"""Results that are sent to an address of the client, with a real server on loopback."""

import asyncio
import base64
import time
from contextlib import ExitStack
from typing import Any

import pytest

from backend.errors import NovaError
from backend.messages.protocol import Error
from gateway.access.admission import OverloadedError
from gateway.apis.deepgram import callbacks
from gateway.apis.deepgram.callbacks import MAX_CALLBACKS, MAX_CALLER_CALLBACKS, Callbacks, wait_for_place
from gateway.apis.deepgram.parameters import Callback
from gateway.apis.downloads import Downloads
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingFailedError
from gateway.settings import GatewaySettings
from tests.testkit.servers.callback_server import callback_server

BODY = b'{"results":{}}'


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "BASE_S", 0.01)


def service(**changes: Any) -> Callbacks:
    chosen = {"callback_enabled": True, "url_networks": "127.0.0.1/32", "callback_timeout_s": 20, **changes}
    settings = GatewaySettings(**chosen)
    return Callbacks(settings, Downloads(settings))


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_results_are_sent_as_json_with_the_name_and_password_of_the_address(method: str) -> None:
    with callback_server() as server:
        await service().deliver(Callback(server.url(user="ann:secret@"), method), BODY, "id")
        (request,) = server.requests
    assert (request.method, request.path, request.body) == (method, "/results", BODY)
    assert request.content_type == "application/json"
    assert request.authorization == f"Basic {base64.b64encode(b'ann:secret').decode()}"


async def test_results_are_sent_again_until_they_are_accepted() -> None:
    with callback_server([500, 302, 429]) as server:
        await service().deliver(Callback(server.url(), "POST"), BODY, "id")
        assert [(request.path, request.body) for request in server.requests] == [("/results", BODY)] * 4


async def test_a_server_that_does_not_answer_is_tried_again() -> None:
    with callback_server() as server:
        url = server.url()
    delivering = asyncio.create_task(service().deliver(Callback(url, "POST"), BODY, "id"))
    await asyncio.sleep(0.2)
    assert not delivering.done()
    delivering.cancel()


async def test_sending_ends_after_the_time_limit() -> None:
    began = time.monotonic()
    with callback_server([503] * 1_000) as server:
        await service(callback_timeout_s=0.3).deliver(Callback(server.url(), "POST"), BODY, "id")
        assert len(server.requests) > 1
    assert 0.3 <= time.monotonic() - began < 10


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
async def test_private_addresses_get_nothing(host: str) -> None:
    with callback_server() as server:
        url = server.url().replace("127.0.0.1", host)
        await asyncio.wait_for(service(url_networks="").deliver(Callback(url, "POST"), BODY, "id"), 10)
        assert server.requests == []


async def test_callbacks_are_off_by_default() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        service(callback_enabled=False).check_enabled()
    assert (caught.value.status, caught.value.param) == (400, "callback")


async def test_the_number_of_recordings_that_wait_is_limited() -> None:
    limited = service()
    with ExitStack() as stack:
        for number in range(MAX_CALLBACKS):
            stack.enter_context(limited.counted(f"caller {number // MAX_CALLER_CALLBACKS}"))
        with pytest.raises(OverloadedError), limited.counted("another"):
            pass
    with limited.counted("another"):
        pass


async def test_one_caller_cannot_take_all_places() -> None:
    limited = service()
    with ExitStack() as stack:
        for _ in range(MAX_CALLER_CALLBACKS):
            stack.enter_context(limited.counted("first"))
        with pytest.raises(OverloadedError), limited.counted("first"):
            pass
        with limited.counted("second"):
            pass


async def test_a_recording_waits_for_a_place_and_other_errors_are_final() -> None:
    codes = ["overloaded", "overloaded", ""]

    async def transcribe() -> str:
        if code := codes.pop(0):
            raise RecordingFailedError(Error(code=code, message="full", fatal=True))
        return "text"

    assert await wait_for_place(transcribe) == "text"
    codes = ["over_quota"]
    with pytest.raises(NovaError) as caught:
        await wait_for_place(transcribe)
    assert caught.value.code == "over_quota"
