"""JSON Web Tokens of an identity provider, in place of our own keys (RFC 7519, and 8725 for what must be refused)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import jwt
import structlog
from jwt import PyJWK, PyJWKClient, PyJWKSet

from backend.errors import SetupError
from backend.streams.access.api_keys import SCOPES, Scope
from gateway.settings import GatewaySettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures only: with HMAC the provider's public key would do to forge tokens, with "none" nothing at all."""
LEEWAY_S = 30
"""By so much clocks may differ."""
FETCH_TIMEOUT_S = 5.0

log = structlog.get_logger()


class BadTokenError(Exception):
    """Why it is not accepted, in words that say nothing of the token itself."""


class Tokens:
    """Reads the tokens of one issuer, by the keys that it publishes. They are kept for five minutes."""

    def __init__(self, issuer: str, audience: str, jwks: str) -> None:
        self._issuer, self._audience = issuer, audience
        self._file = None if "://" in jwks else Path(jwks)
        self._client = None if self._file else PyJWKClient(jwks, timeout=FETCH_TIMEOUT_S)

    @classmethod
    def of(cls, settings: GatewaySettings) -> Tokens | None:
        """As the settings want it; None when they want none. Raises SetupError when they say half of it."""
        parts = (settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks)
        if not any(parts):
            return None
        if not all(parts):
            raise SetupError("GATEWAY_JWT_ISSUER, GATEWAY_JWT_AUDIENCE and GATEWAY_JWT_JWKS belong together")
        return cls(*parts)

    async def read(self, token: str) -> tuple[str, frozenset[Scope]]:
        """Whose it is, and for what. Raises BadTokenError."""
        try:
            return await asyncio.to_thread(self._read, token)
        except jwt.ExpiredSignatureError:
            raise BadTokenError("the token has expired") from None
        except (jwt.PyJWTError, OSError, ValueError, TypeError, LookupError) as error:
            log.info("token_refused", reason=type(error).__name__)
            raise BadTokenError("the token is not accepted") from None

    def _read(self, token: str) -> tuple[str, frozenset[Scope]]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:  # before anything is fetched for its sake
            raise jwt.InvalidAlgorithmError("not a signature")
        claims: dict[str, Any] = jwt.decode(
            token,
            self._key(token, header.get("kid")),
            algorithms=ALGORITHMS,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return str(claims["sub"]), _scopes(claims.get("scope", ""))

    def _key(self, token: str, kid: object) -> PyJWK:
        if self._client:
            return self._client.get_signing_key_from_jwt(token)
        assert self._file is not None
        keys = PyJWKSet.from_json(self._file.read_text(encoding="utf-8"))
        return keys[str(kid)] if kid else keys.keys[0]


def _scopes(claim: object) -> frozenset[Scope]:
    """From "stream read", or a list of the same; other services' words are passed over."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(cast("Scope", word) for word in words if word in SCOPES)
