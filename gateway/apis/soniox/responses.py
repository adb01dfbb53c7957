"""Soniox's responses. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.apis.soniox.tokens import Token

# By native code. All others are errors of the request.
_CODES: Mapping[str, int] = {
    "unauthorized": 401,
    "forbidden": 403,
    "foreign_origin": 403,
    "idle_timeout": 408,
    "over_quota": 429,
    "too_many_connections": 429,
    "too_many_frames": 429,
    "internal": 500,
    "dead_lettered": 500,
    "not_translated": 500,
    "draining": 503,
    "forgotten": 503,
    "overdue": 503,
    "overloaded": 503,
    "redis_unavailable": 503,
    "session_too_long": 503,
}


def error_code(code: str) -> int:
    """Soniox's code for a native one."""
    return _CODES.get(code, 400)


def response(tokens: Sequence[Token], final_ms: int, total_ms: int, **more: Any) -> str:
    """Tokens, and how much audio has final tokens and has been processed (ms)."""
    body = {"tokens": list(tokens), "final_audio_proc_ms": final_ms, "total_audio_proc_ms": total_ms, **more}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def error_response(code: int, message: str, final_ms: int, total_ms: int) -> str:
    """An error. Clients read `tokens` before they look for it."""
    return response([], final_ms, total_ms, error_code=code, error_message=message)


def draining_response(final_ms: int, total_ms: int) -> str:
    """The error with which Soniox ends a session early."""
    message = "Cannot continue request (code 1). Please restart the request."
    return error_response(_CODES["draining"], message, final_ms, total_ms)
