"""The messages of obs-websocket 5. Pure.

Source: the protocol in the repository github.com/obsproject/obs-websocket.
"""

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from backend.cli.sinks.errors import SinkClosedError, SinkError

SUBPROTOCOL = "obswebsocket.json"
RPC_VERSION = 1
_HELLO, _IDENTIFY, _IDENTIFIED, _REQUEST, _RESPONSE = 0, 1, 2, 6, 7
# Close codes after which another attempt is useless or, after the last one, forbidden.
FINAL_CLOSE_CODES = {
    4009: "the password is wrong",
    4010: "it does not speak version 5 of obs-websocket",
    4011: "OBS has ended the connection",
}
_FOREIGN = "it is not obs-websocket"
_UNKNOWN_REQUEST, _NOT_STREAMING = 204, 501


def authentication(password: str, salt: str, challenge: str) -> str:
    """The proof that the client knows the password."""
    return _digest(_digest(password + salt) + challenge)


def identify(hello: str, password: str) -> str:
    """The answer to the first message of OBS. It subscribes to no events. Raises SinkError and SinkClosedError."""
    data = _data(hello, _HELLO)
    answer: dict[str, Any] = {"rpcVersion": RPC_VERSION, "eventSubscriptions": 0}
    if "authentication" in data:
        asked = _object(data, "authentication")
        if not password:
            raise SinkClosedError("it requires a password: NOVA_OBS_PASSWORD")
        answer["authentication"] = authentication(password, str(asked.get("salt")), str(asked.get("challenge")))
    return _encode(_IDENTIFY, answer)


def check_identified(message: str) -> None:
    """Raises SinkError if OBS has not accepted the identification."""
    _data(message, _IDENTIFIED)


def caption_request(request: str, text: str) -> str:
    """The request that shows a caption in the running stream. `request` is its id."""
    data = {"requestType": "SendStreamCaption", "requestId": request, "requestData": {"captionText": text}}
    return _encode(_REQUEST, data)


def is_response(message: str, request: str) -> bool:
    """Whether a message answers the request with this id. Raises SinkError if it could not be carried out."""
    op, data = _decode(message)
    if op != _RESPONSE or data.get("requestId") != request:
        return False
    status = _object(data, "requestStatus")
    if not status.get("result"):
        raise _request_error(status.get("code"))
    return True


def _request_error(code: object) -> SinkError:
    if code == _NOT_STREAMING:
        return SinkError("OBS is not streaming")
    if code == _UNKNOWN_REQUEST:
        return SinkClosedError("this version of OBS cannot send captions")
    return SinkError(f"OBS refuses the caption with status {code}")


def _data(message: str, expected: int) -> dict[str, Any]:
    op, data = _decode(message)
    if op != expected:
        raise SinkError(f"it sends message {op} instead of {expected}")
    return data


def _decode(message: str) -> tuple[object, dict[str, Any]]:
    try:
        body = json.loads(message)
        return body["op"], _object(body, "d")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SinkError(_FOREIGN) from None


def _object(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise SinkError(_FOREIGN)
    return found


def _encode(op: int, data: dict[str, Any]) -> str:
    return json.dumps({"op": op, "d": data})


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
