"""`POST /v1/realtime/client_secrets` and the beta form `/v1/realtime/transcription_sessions`.

An application's server requests a secret with its key and gives it to a browser, which opens `/v1/realtime` with it
(platform.openai.com/docs/api-reference/realtime-sessions).
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from backend.errors import NovaError
from backend.streams.access.client_secrets import MAX_LIFETIME_S, MIN_LIFETIME_S
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.apis.errors import InvalidRequestError
from gateway.apis.json_frames import parse_json
from gateway.apis.openai.errors import invalid_value
from gateway.apis.openai.models import is_served
from gateway.apis.openai.realtime_session import SERVER_VAD, InvalidFieldError, TranscriptionSession
from gateway.apis.openai.responses import failed, json_response
from gateway.apis.uploads import received_body
from gateway.services import GatewayServices

# Of a request, and so of what Redis stores for a secret.
MAX_BODY_BYTES = 8_192
DEFAULT_LIFETIME_S, BETA_LIFETIME_S = 600, 60


def client_secrets_router(services: GatewayServices) -> APIRouter:
    """The routes that create client secrets."""
    router = APIRouter()

    @router.post("/v1/realtime/client_secrets")
    async def create(request: Request) -> Response:
        return await _create(services, request, beta=False)

    @router.post("/v1/realtime/transcription_sessions")
    async def create_beta(request: Request) -> Response:
        return await _create(services, request, beta=True)

    return router


def configured(session: TranscriptionSession, stored: str) -> TranscriptionSession:
    """The session as the creator of a client secret configured it."""
    made = json.loads(stored)
    return _updated(session, made["session"], beta=made["beta"])


async def _create(services: GatewayServices, request: Request, *, beta: bool) -> Response:
    try:
        caller = await services.auth.authenticate(request, "stream")
        body = await _body(request, services)
        given = body if beta else body.get("session", {})
        if not isinstance(given, dict):
            raise invalid_value("session", "must be an object")
        # An invalid session is refused now, not when the client connects.
        session = _updated(TranscriptionSession(turn_detection=SERVER_VAD), given, beta=beta)
        session.check(lambda name: is_served(name, services.admission.models))
        lifetime_s = BETA_LIFETIME_S if beta else _lifetime_s(body.get("expires_after"))
        stored = _stored(given, beta=beta)
        value, expires = await services.client_secrets.create(caller.id, stored, lifetime_s, not_after=caller.expires)
    except InvalidFieldError as error:
        return failed(invalid_value(error.param, error.message))
    except (NovaError, *REDIS_ERRORS) as error:
        return failed(error)
    session_id = f"sess_{secrets.token_hex(12)}"
    if beta:
        shown = session.as_beta_json(session_id)
        return json_response({**shown, "client_secret": {"value": value, "expires_at": expires}})
    return json_response({"value": value, "expires_at": expires, "session": session.as_json(session_id)})


async def _body(request: Request, services: GatewayServices) -> dict[str, Any]:
    async with received_body(request, services, MAX_BODY_BYTES) as file:
        content = await asyncio.to_thread(file.read_bytes)
    try:
        body = parse_json((content or b"{}").decode())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a JSON object", code="invalid_json")
    return body


def _stored(given: dict[str, Any], *, beta: bool) -> str:
    try:
        return json.dumps({"beta": beta, "session": given})
    except RecursionError:
        raise invalid_value("session", "is nested too deeply") from None


def _updated(session: TranscriptionSession, given: Mapping[str, Any], *, beta: bool) -> TranscriptionSession:
    return session.updated_beta(given) if beta else session.updated(given)


def _lifetime_s(given: Any) -> int:
    if given is None:
        return DEFAULT_LIFETIME_S
    if not isinstance(given, dict) or given.get("anchor", "created_at") != "created_at":
        raise invalid_value("expires_after", "must be an object with the anchor 'created_at'")
    seconds = given.get("seconds", DEFAULT_LIFETIME_S)
    if type(seconds) is not int or not MIN_LIFETIME_S <= seconds <= MAX_LIFETIME_S:
        raise invalid_value("expires_after.seconds", f"must be {MIN_LIFETIME_S} to {MAX_LIFETIME_S}")
    return seconds
