"""Errors in OpenAI's JSON form. Pure."""

import json
from typing import Any

from backend.messages.protocol import Error
from gateway.apis.errors import InvalidRequestError

# Native error codes with a code of their own in OpenAI's API (platform.openai.com/docs/guides/error-codes).
_CODES = {
    "unauthorized": "invalid_api_key",
    "over_quota": "insufficient_quota",
    "overloaded": "server_overloaded",
    "session_too_long": "session_expired",
}
_TYPES = {
    "unauthorized": "invalid_request_error",
    "forbidden": "invalid_request_error",
    "foreign_origin": "invalid_request_error",
    "over_quota": "insufficient_quota",
    "too_many_connections": "rate_limit_error",
    "overloaded": "server_error",
    "redis_unavailable": "server_error",
    "draining": "server_error",
    "internal": "server_error",
    "overdue": "server_error",
}


def error_body(error: Error, *, param: str | None = None) -> dict[str, Any]:
    """The `error` object for a native error."""
    kind = _TYPES.get(error.code, "invalid_request_error")
    return {"message": error.message, "type": kind, "param": param, "code": _CODES.get(error.code, error.code)}


def http_body(error: Error, *, param: str | None = None) -> str:
    """The body of an HTTP error."""
    return json.dumps({"error": error_body(error, param=param)}, ensure_ascii=False)


def invalid_value(param: str, message: str) -> InvalidRequestError:
    """The error for a parameter with an invalid value."""
    return InvalidRequestError(f"invalid value for '{param}': {message}", code="invalid_value", param=param)
