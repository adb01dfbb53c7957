"""JSON Web Tokens of an identity provider, as an alternative to API keys (RFC 7519; checks of RFC 8725)."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import jwt
import structlog
from jwt import PyJWK, PyJWKClient, PyJWKSet

from backend.errors import SetupError
from backend.streams.access.api_keys import SCOPES, Scope
from gateway.settings import GatewaySettings

# Only asymmetric signatures (RFC 8725, section 2.1): with HMAC, the provider's public key could sign forged tokens.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# Accepted difference between the clocks of the issuer and the gateway.
LEEWAY_S = 30
FETCH_TIMEOUT_S = 5.0

log = structlog.get_logger()


class BadTokenError(Exception):
    """Reason for refusing a token. The text contains nothing of the token."""


class VerifiedToken(NamedTuple):
    """The subject and scopes of a valid token, and its expiry (Unix time in seconds)."""

    subject: str
    scopes: frozenset[Scope]
    expires: float


class JwtVerifier:
    """Verifies the tokens of one issuer with its published keys, which are cached for five minutes."""

    def __init__(self, issuer: str, audience: str, jwks: str) -> None:
        self._issuer, self._audience = issuer, audience
        self._file = None if "://" in jwks else Path(jwks)
        self._client = None if self._file else PyJWKClient(jwks, timeout=FETCH_TIMEOUT_S)

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self | None:
        """The verifier, or None if tokens are not configured. Raises SetupError for an incomplete configuration."""
        parts = (settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks)
        if not any(parts):
            return None
        if not all(parts):
            raise SetupError("GATEWAY_JWT_ISSUER, GATEWAY_JWT_AUDIENCE and GATEWAY_JWT_JWKS must be set together")
        return cls(*parts)

    async def verify(self, token: str) -> VerifiedToken:
        """Check a token. Raises BadTokenError."""
        try:
            # In a thread, because it may fetch keys over HTTP.
            return await asyncio.to_thread(self._verify, token)
        except jwt.ExpiredSignatureError:
            raise BadTokenError("the token has expired") from None
        except (jwt.PyJWTError, OSError, ValueError, TypeError, LookupError) as error:
            log.info("token_refused", reason=type(error).__name__)
            raise BadTokenError("the token is not accepted") from None

    def _verify(self, token: str) -> VerifiedToken:
        header = jwt.get_unverified_header(token)
        # Checked before keys are fetched, so that forged tokens cause no requests.
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError("not a signature")
        claims: dict[str, Any] = jwt.decode(
            token,
            self._signing_key(token, header.get("kid")),
            algorithms=ALGORITHMS,
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        _check_types(claims)
        return VerifiedToken(claims["sub"], _scopes(claims.get("scope", "")), claims["exp"])

    def _signing_key(self, token: str, kid: object) -> PyJWK:
        if self._client:
            return self._client.get_signing_key_from_jwt(token)
        assert self._file is not None
        keys = PyJWKSet.from_json(self._file.read_text(encoding="utf-8"))
        return keys[str(kid)] if kid else keys.keys[0]


def _check_types(claims: Mapping[str, Any]) -> None:
    """Raise BadTokenError for types that RFC 7519 does not allow. PyJWT also accepts times in strings and booleans.

    Different users with an empty subject would share one identity and one quota.
    """
    if not isinstance(claims["sub"], str) or not claims["sub"].strip():
        raise BadTokenError("the token has an empty subject")
    for name in ("exp", "nbf", "iat"):
        if type(claims.get(name, 0)) not in (int, float):
            raise BadTokenError(f"the claim {name} is not a number")


def _scopes(claim: object) -> frozenset[Scope]:
    """Scopes from "stream read" or a list. Scopes of other services are ignored."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(cast("Scope", word) for word in words if word in SCOPES)
