"""Signing keys are fetched from the issuer, and rarely, even if unauthenticated clients send many tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.access.jwt import BadTokenError, JwtVerifier
from tests.testkit.servers.identity_provider import AUDIENCE, ISSUER, Issuer
from tests.testkit.servers.threads import serve_in_thread, url_of


@contextmanager
def published(issuer: Issuer) -> Iterator[tuple[str, list[str]]]:
    """The URL of the issuer's keys, and the requests that it received."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(issuer.jwks().encode())

        def log_message(self, *_: object) -> None:
            pass

    with serve_in_thread(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"{url_of(server)}/jwks.json", asked


async def test_signing_keys_are_fetched_once_for_many_tokens() -> None:
    issuer = Issuer()
    with published(issuer) as (url, asked):
        tokens = JwtVerifier(ISSUER, AUDIENCE, url)
        for _ in range(5):
            assert await tokens.verify(issuer.token())
        for number in range(20):
            with pytest.raises(BadTokenError):
                await tokens.verify(Issuer(kid=f"unknown {number}").token())
    assert len(asked) == 1


async def test_new_tokens_are_rejected_while_the_issuer_is_unavailable() -> None:
    with published(Issuer()) as (url, _):
        pass
    with pytest.raises(BadTokenError):
        await JwtVerifier(ISSUER, AUDIENCE, url).verify(Issuer().token())
