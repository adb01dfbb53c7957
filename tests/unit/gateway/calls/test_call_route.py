"""The key of a call in the handshake, and where its results go."""

import base64

import pytest
from starlette.requests import HTTPConnection

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat
from gateway.calls.call_route import basic_password
from gateway.calls.parameters import CallParameters, check_destination


def connection(authorization: str) -> HTTPConnection:
    return HTTPConnection({"type": "websocket", "headers": [(b"authorization", authorization.encode())]})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "password"),
    [
        (f"Basic {encoded('nova:nova_key')}", "nova_key"),
        (f"basic {encoded('nova:a:b')}", "a:b"),
        (f"Basic {encoded('nova')}", ""),
        ("Basic ***", ""),
        (f"Basic {base64.b64encode(bytes([255, 254])).decode()}", ""),
        ("Bearer nova_key", ""),
        ("", ""),
    ],
)
def test_the_password_of_basic_authentication_may_be_the_key(authorization: str, password: str) -> None:
    assert basic_password(connection(authorization)) == password


def test_a_call_needs_a_receiver_unless_its_results_return_on_its_connection() -> None:
    plain = CallParameters.parse({})
    with pytest.raises(ProtocolError) as caught:
        check_destination(plain, has_webhook=False, replies=False)
    assert caught.value.code == "no_destination"
    check_destination(plain, has_webhook=False, replies=True)
    check_destination(plain, has_webhook=True, replies=False)
    for destination in ({"events": "socket"}, {"room": "calls"}):
        check_destination(CallParameters.parse(destination), has_webhook=False, replies=False)
    with pytest.raises(ProtocolError, match="webhook"):
        check_destination(CallParameters.parse({"webhook": "https://a.example"}), has_webhook=False, replies=True)


def test_a_call_is_published_in_a_room_on_request() -> None:
    assert CallParameters.parse({}).start(AudioFormat()).room is None
    assert CallParameters.parse({"room": "calls"}).start(AudioFormat(channels=2)).room == "calls"
    with pytest.raises(ProtocolError, match="room"):
        CallParameters.parse({"room": "No room"}).start(AudioFormat())


def test_partials_are_computed_on_request() -> None:
    assert not CallParameters.parse({}).start(AudioFormat()).partials
    assert CallParameters.parse({"partials": "true"}).start(AudioFormat()).partials
    with pytest.raises(ProtocolError, match="partials"):
        CallParameters.parse({"partials": "yes"})
