"""Authentication and authorization of sessions and of operators' requests."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import ip_address

import structlog
from fastapi import HTTPException, Request
from starlette.requests import HTTPConnection

from backend.errors import ClientError, SetupError
from backend.service.address import is_loopback
from backend.streams.access.api_keys import ApiKeys, QuotaLimits, Scope
from backend.streams.access.client_secrets import SECRET_PREFIX, ClientSecret, ClientSecrets
from backend.streams.redis.connection import REDIS_ERRORS
from gateway.access.jwt import BadTokenError, JwtVerifier
from gateway.access.origin import is_host_allowed, is_origin_allowed
from gateway.settings import GatewaySettings

# Prefixes of a key among the offered subprotocols: ours and OpenAI's. Browsers cannot set headers of a WebSocket
# handshake, and a key in the URL would appear in logs.
KEY_SUBPROTOCOL_PREFIXES = ("nova.key.", "openai-insecure-api-key.")
# Deepgram's and Soniox's clients offer one of these subprotocols, and the key as the next one.
KEY_SUBPROTOCOL_SCHEMES = ("token", "bearer", "soniox-api-key")
# The only route that client secrets open.
SECRET_PATH = "/v1/realtime"
# Ids of keys. Those of other callers are derived from a token, or empty.
KEY_ID = re.compile(r"[0-9a-f]{12}")
# Headers that proxies add. A request through a proxy on this machine may come from anywhere.
PROXY_HEADERS = ("x-forwarded-for", "forwarded")
FOREIGN_ORIGIN = "web pages of this origin may not connect; see GATEWAY_ORIGINS"
# Limit for looking up an operator's key, so that every answer arrives within a second even if Redis hangs.
LOOKUP_TIMEOUT_S = 0.9

log = structlog.get_logger()


class RefusedError(ClientError):
    """Access is denied. `status` is the HTTP status."""

    code = "unauthorized"
    status = 401


class ForbiddenError(RefusedError):
    """The caller is known but lacks a scope."""

    code = "forbidden"
    status = 403


class ForeignOriginError(RefusedError):
    """The request comes from a web page of an origin that is not allowed."""

    code = "foreign_origin"
    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """An accepted caller.

    `id` is a key's id, or derived from a token's subject; "" for anonymous callers. `has_key` callers must be checked
    again later, because a key can be revoked. `session` is the configuration in a client secret, as JSON. `expires` is
    the expiry of a token (Unix time in seconds), or None.
    """

    id: str
    scopes: frozenset[Scope]
    limits: QuotaLimits = field(default_factory=QuotaLimits)
    has_key: bool = False
    session: str = ""
    # Those of its key, which its sessions expect in addition to their own.
    hotwords: str = ""
    # Callers with the same subject are equal, even if their tokens differ.
    expires: float | None = field(default=None, compare=False)

    def has_scope(self, scope: Scope) -> bool:
        """Whether the caller has this scope. "admin" includes all others."""
        return scope in self.scopes or "admin" in self.scopes


# The caller where no key is required.
ANONYMOUS = Caller("", frozenset({"admin"}))


class Auth:
    """Authenticates requests by API key or JSON Web Token, and checks their origin."""

    def __init__(
        self, settings: GatewaySettings, keys: ApiKeys, tokens: JwtVerifier | None, secrets: ClientSecrets | None = None
    ) -> None:
        """`secrets`: None accepts no client secrets."""
        self._keys, self._tokens, self._secrets = keys, tokens, secrets
        self._local = is_loopback(settings.host)
        self._mode, self._in_query = settings.auth, settings.key_in_query
        self._origins = frozenset(settings.origins.replace(",", " ").lower().split())
        self._default_limits = QuotaLimits(settings.key_sessions, settings.key_minutes_a_day, settings.key_new_a_minute)

    @property
    def description(self) -> str:
        """Which callers are accepted, for the log."""
        if self._mode == "none":
            return "all callers"
        with_key = "callers with a key" if self._tokens is None else "callers with a key or token"
        return "only callers on this machine" if self._mode == "auto" and self._local else with_key

    async def authenticate(self, connection: HTTPConnection, scope: Scope) -> Caller:
        """The caller of this request. Raises RefusedError, and REDIS_ERRORS if a key cannot be looked up."""
        self._check_origin(connection.headers)
        if connection.scope["type"] == "http" and self._mode == "auto":
            self.check_host(connection.headers)
        if not self._key_required(connection.headers):
            secret = await self._client_secret(connection)
            return replace(ANONYMOUS, session=secret.session) if secret else ANONYMOUS
        credential = self._credential(connection)
        if not credential:
            raise RefusedError("an API key is required")
        if credential.startswith(SECRET_PREFIX):
            return await self._identify_client(connection, credential)
        caller = await self._identify(credential)
        if not caller.has_scope(scope):
            raise ForbiddenError(f"this key does not have the scope {scope!r}")
        return caller

    async def caller_of(self, key: str, scope: Scope) -> Caller:
        """The caller with a key in the settings; "": none is required. Raises RefusedError and REDIS_ERRORS."""
        caller = await self._identify(key) if key else ANONYMOUS
        if not caller.has_scope(scope):
            raise ForbiddenError(f"this key does not have the scope {scope!r}")
        return caller

    async def caller_on_port(self, connection: HTTPConnection, key: str, scope: Scope) -> Caller:
        """The caller on a port of its own: by the key of the client, otherwise by `key`, that of the port.

        As on a gateway without keys, the origin of a page is the only thing that protects from it. Raises RefusedError
        and REDIS_ERRORS.
        """
        origin, credential = connection.headers.get("origin"), self._credential(connection)
        if origin is not None and not is_origin_allowed(origin, "", self._origins, local=True):
            raise ForeignOriginError(FOREIGN_ORIGIN)
        proxied = any(name in connection.headers for name in PROXY_HEADERS)
        if self._mode == "auto" and proxied and not (credential or key):
            raise RefusedError("an API key is required")
        return await self.caller_of(credential or key, scope)

    async def _client_secret(self, connection: HTTPConnection) -> ClientSecret | None:
        """The client secret that the request presents, or None. Raises REDIS_ERRORS."""
        credential = self._credential(connection)
        return await self._secrets.find(credential) if self._secrets and credential.startswith(SECRET_PREFIX) else None

    async def is_revoked(self, caller: str) -> bool:
        """Whether a caller had a key that was revoked or has expired. Raises REDIS_ERRORS."""
        return bool(KEY_ID.fullmatch(caller)) and not await self._keys.exists(caller)

    async def require_operator(self, request: Request) -> None:
        """Dependency of routes for operators. Raises HTTPException unless the caller has the scope "read"."""
        try:
            self.check_host(request.headers)
            async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                await self.authenticate(request, "read")
        except RefusedError as refused:
            log.info("operator_refused", code=refused.code, path=request.url.path)
            challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
            raise HTTPException(refused.status, refused.message, challenge) from None
        except REDIS_ERRORS:
            raise HTTPException(503, "Redis does not answer, so the key cannot be checked; try again") from None

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        local = self._local and not self._key_required(headers)
        if origin is not None and not is_origin_allowed(origin, host, self._origins, local=local):
            raise ForeignOriginError(FOREIGN_ORIGIN)

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Raise ForeignOriginError if the request names a foreign host, which suggests DNS rebinding.

        Needed for plain GET requests, which browsers send without `Origin`. If a key is required, such a page has none.
        """
        host = headers.get("host", "")
        if not self._key_required(headers) and self._local and not is_host_allowed(host, self._origins):
            raise ForeignOriginError("requests for this host name are not accepted; see GATEWAY_ORIGINS")

    def _key_required(self, headers: Mapping[str, str]) -> bool:
        if self._mode == "auto":
            return not self._local or any(name in headers for name in PROXY_HEADERS)
        return self._mode == "keys"

    def presents_credential(self, connection: HTTPConnection) -> bool:
        """Whether the request has a key or token, valid or not."""
        return bool(self._credential(connection))

    def _credential(self, connection: HTTPConnection) -> str:
        """The key or token of the request; "" if there is none."""
        kind, _, credential = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token"):  # the latter is Deepgram's
            return credential.strip()
        if key := _subprotocol_key(offered_subprotocols(connection)):
            return key
        return connection.query_params.get("key", "") if self._in_query else ""

    async def _identify_client(self, connection: HTTPConnection, credential: str) -> Caller:
        """The caller that created a client secret, with nothing but the right to open the session."""
        secret = await self._client_secret(connection)
        if secret is None:
            raise RefusedError("this client secret is unknown or has expired")
        if connection.scope["type"] != "websocket" or connection.scope["path"] != SECRET_PATH:
            raise ForbiddenError(f"client secrets open only {SECRET_PATH}")
        if not KEY_ID.fullmatch(secret.caller):
            return Caller(secret.caller, frozenset({"stream"}), self._default_limits, session=secret.session)
        key = await self._keys.by_id(secret.caller)
        if key is None:
            raise RefusedError("the key that created this client secret has been revoked")
        limits = _with_defaults(key.limits, self._default_limits)
        scopes: frozenset[Scope] = frozenset({"stream"})
        return Caller(key.id, scopes, limits, has_key=True, session=secret.session, hotwords=key.hotwords)

    async def _identify(self, credential: str) -> Caller:
        if self._tokens and credential.count(".") == 2:  # a JWT has three parts; keys contain no dots
            try:
                token = await self._tokens.verify(credential)
            except BadTokenError as error:
                raise RefusedError(str(error)) from None
            caller_id = f"jwt-{sha256(token.subject.encode()).hexdigest()[:16]}"
            return Caller(caller_id, token.scopes, self._default_limits, expires=token.expires)
        key = await self._keys.find(credential)
        if key is None:
            raise RefusedError("this key is unknown or has been revoked")
        limits = _with_defaults(key.limits, self._default_limits)
        return Caller(key.id, key.scopes, limits, has_key=True, hotwords=key.hotwords)


def with_key(connection: HTTPConnection, key: str) -> HTTPConnection:
    """The connection with a key that came in a message instead of the handshake."""
    headers = [item for item in connection.scope["headers"] if item[0] != b"authorization"]
    return HTTPConnection({**connection.scope, "headers": [*headers, (b"authorization", f"Bearer {key}".encode())]})


def offered_subprotocols(connection: HTTPConnection) -> list[str]:
    """The WebSocket subprotocols that the client offers."""
    return [name.strip() for name in connection.headers.get("sec-websocket-protocol", "").split(",") if name.strip()]


def _subprotocol_key(offered: Sequence[str]) -> str:
    """The key among the offered subprotocols; "" if there is none."""
    for place, name in enumerate(offered):
        for prefix in KEY_SUBPROTOCOL_PREFIXES:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        if name in KEY_SUBPROTOCOL_SCHEMES and place + 1 < len(offered):
            return offered[place + 1]
    return ""


def _with_defaults(own: QuotaLimits, default: QuotaLimits) -> QuotaLimits:
    """A key's own limits, completed with the default limits."""
    return QuotaLimits(
        own.sessions or default.sessions,
        own.minutes_a_day or default.minutes_a_day,
        own.new_a_minute or default.new_a_minute,
    )


async def check_exposure(settings: GatewaySettings, keys: ApiKeys, tokens: JwtVerifier | None) -> None:
    """Raise SetupError if other machines can connect, but neither keys nor GATEWAY_AUTH restrict access."""
    if settings.auth != "auto" or is_loopback(settings.host) or tokens:
        return
    try:
        if await keys.any():
            return
    except REDIS_ERRORS:
        return  # no key can be verified before Redis answers, so nothing is exposed
    raise SetupError(
        f"other machines can connect to {_host_name(settings.host)}, but there is no API key: create one with `nova "
        "keys create`, or set GATEWAY_AUTH=keys to create keys later, or GATEWAY_AUTH=none to accept all callers"
    )


def _host_name(host: str) -> str:
    try:
        return f"every address ({host})" if ip_address(host).is_unspecified else host
    except ValueError:
        return host or "every address"
