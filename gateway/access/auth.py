"""Who is it, and may they: before a session is opened, and before an operator is told anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address

import structlog
from fastapi import HTTPException, Request
from starlette.requests import HTTPConnection

from backend.errors import ClientError, SetupError
from backend.service.address import is_loopback
from backend.streams.access.api_keys import ApiKeys, QuotaLimits, Scope
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.jwt import BadTokenError, Tokens
from gateway.access.origin import is_ours, may_speak
from gateway.settings import GatewaySettings

PROTOCOL = "nova.v1"
"""The WebSocket subprotocol that we speak, for those who name one."""
BEARER = "nova.key."
"""Before a key among the subprotocols: a browser's only way to send one that stands in no address."""
FORWARDED = ("x-forwarded-for", "forwarded")
"""What a proxy adds: whoever comes through one may come from anywhere, though it runs on this machine."""

LIMIT_S = 0.9
"""For looking up an operator's key: they are answered within a second, whatever hangs."""

log = structlog.get_logger()


class RefusedError(ClientError):
    """Somebody is not let in. `status` says so over HTTP."""

    code = "unauthorized"
    status = 401


class ForbiddenError(RefusedError):
    """It is known who it is, and they may not."""

    code = "forbidden"
    status = 403


class ForeignOriginError(RefusedError):
    """A page that is not ours speaks to us from somebody's browser."""

    code = "foreign_origin"
    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has been let in."""

    id: str
    """Of a key, or made from a token's subject; "" when nobody needs to be known."""
    scopes: frozenset[Scope]
    limits: QuotaLimits = field(default_factory=QuotaLimits)
    has_key: bool = False
    """Whether it is let in by a key, which may be revoked."""

    def may(self, scope: Scope) -> bool:
        """Whether this is among what they may do."""
        return scope in self.scopes or "admin" in self.scopes


NOBODY = Caller("", frozenset({"admin"}))
"""Whoever comes in where nobody needs to be known."""


class Auth:
    """One gateway's."""

    def __init__(self, settings: GatewaySettings, keys: ApiKeys, tokens: Tokens | None) -> None:
        self._keys, self._tokens = keys, tokens
        self._local = is_loopback(settings.host)
        self._mode, self._in_query = settings.auth, settings.key_in_query
        self._origins = frozenset(settings.origins.replace(",", " ").lower().split())
        self._usual = QuotaLimits(settings.key_sessions, settings.key_minutes_a_day, settings.key_new_a_minute)

    @property
    def lets_in(self) -> str:
        """In words."""
        if self._mode == "none":
            return "everybody"
        with_key = "who has a key" if self._tokens is None else "who has a key or a token"
        return "everybody on this machine, and nobody else" if self._mode == "auto" and self._local else with_key

    async def caller(self, connection: HTTPConnection, scope: Scope) -> Caller:
        """Who has sent this request. Raises RefusedError, and TROUBLE when Redis does not answer."""
        self._look_at_origin(connection.headers)
        if not self._required(connection.headers):
            return NOBODY
        presented = self._presented(connection)
        if not presented:
            raise RefusedError("a key is needed")
        caller = await self._known(presented)
        if not caller.may(scope):
            raise ForbiddenError(f"this key is not for that: it lacks the scope {scope!r}")
        return caller

    def _look_at_origin(self, headers: Mapping[str, str]) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        local = self._local and not self._required(headers)
        if origin is not None and not may_speak(origin, host, self._origins, local=local):
            raise ForeignOriginError("pages of this origin may not speak to this server; see GATEWAY_ORIGINS")

    def look_at_host(self, headers: Mapping[str, str]) -> None:
        """Raises ForeignOriginError for a page that was made to believe that we are its server (DNS rebinding).

        For plain requests, with which browsers send no Origin. Where keys are needed, such a page has none.
        """
        host = headers.get("host", "")
        if not self._required(headers) and self._local and not is_ours(host, self._origins):
            raise ForeignOriginError("this server is not known by that name; see GATEWAY_ORIGINS")

    def _required(self, headers: Mapping[str, str]) -> bool:
        if self._mode == "auto":
            return not self._local or any(name in headers for name in FORWARDED)
        return self._mode == "keys"

    def _presented(self, connection: HTTPConnection) -> str:
        """The key or token that came with the request; "" when none did."""
        kind, _, credential = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return credential.strip()
        for protocol in protocols(connection):
            if protocol.startswith(BEARER):
                return protocol.removeprefix(BEARER)
        return connection.query_params.get("key", "") if self._in_query else ""

    async def _known(self, presented: str) -> Caller:
        if self._tokens and presented.count(".") == 2:
            try:
                subject, scopes = await self._tokens.read(presented)
            except BadTokenError as error:
                raise RefusedError(str(error)) from None
            return Caller(f"jwt-{sha256(subject.encode()).hexdigest()[:16]}", scopes, self._usual)
        key = await self._keys.find(presented)
        if key is None:
            raise RefusedError("this key is not known, or has been revoked")
        return Caller(key.id, key.scopes, _either(key.limits, self._usual), has_key=True)


def protocols(connection: HTTPConnection) -> list[str]:
    """The WebSocket subprotocols that the client offers."""
    return [name.strip() for name in connection.headers.get("sec-websocket-protocol", "").split(",") if name.strip()]


def _either(own: QuotaLimits, usual: QuotaLimits) -> QuotaLimits:
    """A key's own limits, and the usual ones where it has none."""
    return QuotaLimits(
        own.sessions or usual.sessions, own.minutes_a_day or usual.minutes_a_day, own.new_a_minute or usual.new_a_minute
    )


async def operator(request: Request) -> None:
    """Whoever asks may be told how the system is. Raises HTTPException. For routes: `Depends(operator)`."""
    auth: Auth = request.app.state.auth
    try:
        auth.look_at_host(request.headers)
        async with asyncio.timeout(LIMIT_S):
            await auth.caller(request, "read")
    except RefusedError as refused:
        log.info("operator_refused", code=refused.code, path=request.url.path)
        challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
        raise HTTPException(refused.status, refused.message, challenge) from None
    except REDIS_ERRORS:
        raise HTTPException(503, "Redis does not answer, so nobody can be known; try again") from None


async def check_exposure(settings: GatewaySettings, keys: ApiKeys, tokens: Tokens | None) -> None:
    """Raises SetupError when strangers could connect, and nothing has been said or done about who may come in."""
    if settings.auth != "auto" or is_loopback(settings.host) or tokens:
        return
    try:
        if await keys.any():
            return
    except REDIS_ERRORS:
        return  # then nobody comes in before it answers, and nobody without a key
    raise SetupError(
        f"{_shown(settings.host)} can be reached from other machines, and nobody has a key: make one with `nova keys "
        "create`, or set GATEWAY_AUTH=keys to make them later, or GATEWAY_AUTH=none to let everybody in"
    )


def _shown(host: str) -> str:
    try:
        return f"every address ({host})" if ip_address(host).is_unspecified else host
    except ValueError:
        return host or "every address"
