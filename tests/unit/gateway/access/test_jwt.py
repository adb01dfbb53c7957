"""JSON Web JwtVerifier: the issuer's own are taken, everything else is not."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from backend.errors import SetupError
from gateway.access.jwt import LEEWAY_S, BadTokenError, JwtVerifier
from gateway.settings import GatewaySettings
from tests.testkit.servers.identity_provider import AUDIENCE, ISSUER, Issuer


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(issuer: Issuer, tmp_path: Path) -> JwtVerifier:
    return JwtVerifier(ISSUER, AUDIENCE, str(issuer.publish(tmp_path)))


async def test_a_valid_token_gives_subject_scopes_and_expiry(tokens: JwtVerifier, issuer: Issuer) -> None:
    expires = int(time.time()) + 100
    assert await tokens.verify(issuer.token(exp=expires)) == ("ada", frozenset({"stream"}), expires)


@pytest.mark.parametrize(
    ("claim", "scopes"),
    [
        ("openid stream read", {"stream", "read"}),
        (["admin"], {"admin"}),
        ("streams", set()),
        (None, set()),
        ({"stream": True}, set()),
        (7, set()),
    ],
)
async def test_foreign_scopes_are_ignored(tokens: JwtVerifier, issuer: Issuer, claim: Any, scopes: set[str]) -> None:
    assert (await tokens.verify(issuer.token(scope=claim)))[1] == scopes


async def test_a_small_clock_difference_is_accepted(tokens: JwtVerifier, issuer: Issuer) -> None:
    now = int(time.time())
    assert await tokens.verify(issuer.token(exp=now - LEEWAY_S // 2, nbf=now + LEEWAY_S // 2))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 9_000_000_000},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another service"},
        {"aud": None},
        {"sub": None},
    ],
)
async def test_expired_tokens_and_tokens_for_others_are_refused(
    tokens: JwtVerifier, issuer: Issuer, changed: dict[str, Any]
) -> None:
    with pytest.raises(BadTokenError):
        await tokens.verify(issuer.token(**changed))


@pytest.mark.parametrize("subject", ["", " ", "\t\n", 0, 7, 1.5, True, False, [], ["ada"], {}, {"id": "ada"}])
async def test_a_subject_that_is_empty_or_not_a_string_is_refused(
    tokens: JwtVerifier, issuer: Issuer, subject: object
) -> None:
    with pytest.raises(BadTokenError):
        await tokens.verify(issuer.token(sub=subject))


NO_TIMES: tuple[object, ...] = (True, False, "", "soon", [], {}, float("inf"), float("-inf"), float("nan"))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [*NO_TIMES, "0", "9999999999", [9_999_999_999]], ids=repr)
async def test_a_time_that_is_not_a_number_is_refused(
    tokens: JwtVerifier, issuer: Issuer, claim: str, value: object
) -> None:
    with pytest.raises(BadTokenError):
        await tokens.verify(issuer.token(**{claim: value}))


@pytest.mark.parametrize(
    ("expires_s", "begins_s"),
    [(60.5, 0), (60, -60.5), (10**30, -(10**30)), (1e99, -1e99), (LEEWAY_S // 2 - LEEWAY_S, 0), (60, LEEWAY_S - 1)],
)
async def test_a_token_is_accepted_between_its_times(
    tokens: JwtVerifier, issuer: Issuer, expires_s: float, begins_s: float
) -> None:
    now = int(time.time())
    assert await tokens.verify(issuer.token(exp=now + expires_s, nbf=now + begins_s))


@pytest.mark.parametrize(
    ("expires_s", "begins_s"),
    [(-LEEWAY_S - 1, -600), (-(10**30), -600), (60, LEEWAY_S + 30), (60, 10**30), (60, 1e99), (60, 60.5)],
)
async def test_a_token_is_refused_outside_its_times(
    tokens: JwtVerifier, issuer: Issuer, expires_s: float, begins_s: float
) -> None:
    now = int(time.time())
    with pytest.raises(BadTokenError):
        await tokens.verify(issuer.token(exp=now + expires_s, nbf=now + begins_s))


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """By hand, since no library would sign with a public key."""
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    signature = hmac.digest(secret, head + b"." + body, hashlib.sha256) if secret else b""
    return b".".join([head, body, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def test_forged_tokens_are_refused(tokens: JwtVerifier, issuer: Issuer) -> None:
    other, good = Issuer(kid=issuer.kid), issuer.token()
    elsewhere = {"kid": "one", "alg": "ES256", "jku": "https://evil.example/jwks", "jwk": json.loads(other.jwks())}
    head, body, signature = good.split(".")
    admin = forged({}, issuer.claims(scope="admin"), None).split(".")[1]
    for token in (
        forged({"alg": "none", "kid": issuer.kid}, issuer.claims(), None),
        forged({"alg": "None"}, issuer.claims(), None),
        forged({"alg": "HS256", "kid": issuer.kid}, issuer.claims(), issuer.public_pem),
        forged({"alg": "HS256", "kid": issuer.kid}, issuer.claims(), issuer.jwks().encode()),
        forged({"alg": "HS256"}, issuer.claims(), b""),
        other.token(),
        jwt.encode(issuer.claims(), other.key, "ES256", headers=elsewhere),
        Issuer(kid="unknown").token(),
        f"{head}.{admin}.{signature}",
        f"{head}.{body}.",
        "..",
        "a.b.c",
        forged({"alg": ["ES256"]}, issuer.claims(), None),
        forged({"alg": "ES256", "kid": {}}, issuer.claims(), None),
        f"{base64.urlsafe_b64encode(b'[' * 6_000).decode()}.{body}.{signature}",
        "ÿ.ÿ.ÿ",
    ):
        with pytest.raises(BadTokenError):
            await tokens.verify(token)


async def test_the_reason_for_refusal_contains_nothing_of_the_token(tokens: JwtVerifier, issuer: Issuer) -> None:
    with pytest.raises(BadTokenError, match=r"^the token is not accepted$"):
        await tokens.verify(issuer.token(iss="https://evil.example"))


def test_incomplete_settings_are_refused() -> None:
    assert JwtVerifier.from_settings(GatewaySettings()) is None
    with pytest.raises(SetupError, match="GATEWAY_JWT_AUDIENCE"):
        JwtVerifier.from_settings(GatewaySettings(jwt_issuer=ISSUER))
