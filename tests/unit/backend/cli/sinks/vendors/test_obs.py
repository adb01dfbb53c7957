"""The messages of obs-websocket 5, with the examples of its documentation."""

import json
from typing import Any

import pytest

from backend.cli.sinks.errors import SinkClosedError, SinkError
from backend.cli.sinks.vendors.obs import authentication, caption_request, check_identified, identify, is_response

PASSWORD = "supersecretpassword"
SALT, CHALLENGE = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=", "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
# What the steps of the documentation give for its password, salt and challenge.
PROOF = "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


def hello(**fields: object) -> str:
    return json.dumps({"op": 0, "d": {"obsWebSocketVersion": "5.0.0", "rpcVersion": 1, **fields}})


def response(result: bool, code: int, request: str = "1") -> str:
    status = {"result": result, "code": code}
    return json.dumps(
        {"op": 7, "d": {"requestType": "SendStreamCaption", "requestId": request, "requestStatus": status}}
    )


def decoded(message: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message)
    return found


def test_the_password_is_proved_as_in_the_documentation() -> None:
    assert authentication(PASSWORD, SALT, CHALLENGE) == PROOF


def test_the_client_identifies_itself_without_events() -> None:
    assert decoded(identify(hello(), "")) == {"op": 1, "d": {"rpcVersion": 1, "eventSubscriptions": 0}}
    asked = hello(authentication={"challenge": CHALLENGE, "salt": SALT})
    assert decoded(identify(asked, PASSWORD))["d"]["authentication"] == PROOF
    # A password that is not asked for is not sent in any form.
    assert "authentication" not in decoded(identify(hello(), PASSWORD))["d"]


def test_a_password_that_is_missing_ends_the_sink() -> None:
    with pytest.raises(SinkClosedError, match="NOVA_OBS_PASSWORD"):
        identify(hello(authentication={"challenge": CHALLENGE, "salt": SALT}), "")


def test_an_identification_is_confirmed() -> None:
    check_identified('{"op": 2, "d": {"negotiatedRpcVersion": 1}}')
    with pytest.raises(SinkError):
        check_identified(hello())


def test_a_caption_is_a_request() -> None:
    assert decoded(caption_request("7", "Hola.\n¿Qué?")) == {
        "op": 6,
        "d": {"requestType": "SendStreamCaption", "requestId": "7", "requestData": {"captionText": "Hola.\n¿Qué?"}},
    }


def test_only_the_response_to_the_request_answers_it() -> None:
    assert is_response(response(True, 100), "1")
    assert not is_response(response(True, 100, "2"), "1")
    assert not is_response('{"op": 5, "d": {"eventType": "ExitStarted", "eventIntent": 1}}', "1")


@pytest.mark.parametrize(
    ("code", "expected", "message"),
    [(501, SinkError, "not streaming"), (204, SinkClosedError, "version"), (205, SinkError, "205")],
)
def test_a_request_that_fails_is_an_error(code: int, expected: type[SinkError], message: str) -> None:
    with pytest.raises(SinkError, match=message) as failed:
        is_response(response(False, code), "1")
    assert type(failed.value) is expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"op": 0}',
        '{"op": 0, "d": 5}',
        '{"op": 0, "d": {"authentication": "x"}}',
        "\x00",
        "[" * 60_000,
    ],
)
def test_messages_of_other_servers_are_errors(message: str) -> None:
    with pytest.raises(SinkError, match="not obs-websocket"):
        identify(message, PASSWORD)


def test_a_response_without_a_status_is_an_error() -> None:
    with pytest.raises(SinkError, match="not obs-websocket"):
        is_response('{"op": 7, "d": {"requestId": "1"}}', "1")
