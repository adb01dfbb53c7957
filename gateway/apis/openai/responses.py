"""HTTP responses in OpenAI's form."""

import json
from typing import Any

from fastapi import Response

from gateway.apis.openai.errors import http_body
from gateway.apis.responses import error_event, http_status, refused


def failed(error: BaseException) -> Response:
    """The response for an error. One that is not ours came from Redis."""
    known = refused(error, "openai")
    status, event = http_status(known), error_event(known)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if event.retry_after_s:
        headers["Retry-After"] = f"{event.retry_after_s:.0f}"
    return Response(http_body(event, param=getattr(error, "param", None)), status, headers, "application/json")


def json_response(body: Any) -> Response:
    """A successful response."""
    return Response(json.dumps(body), media_type="application/json")
