"""Security headers of the page. Pure."""

import re

from backend.errors import SetupError

ANY_SERVER = "*"
# A host source with a scheme, as in CSP Level 3, section 2.3.1. It contains nothing that ends a directive or a header.
_SERVER = re.compile(r"wss?://(\*\.)?[a-z0-9.-]+(:(\d{1,5}|\*))?", re.IGNORECASE)
# Servers on this machine, where an attacker on another machine can receive nothing.
_LOCAL = ("ws://127.0.0.1:*", "ws://localhost:*")


def security_headers(page_servers: str, *, local: bool) -> list[tuple[str, str]]:
    """Headers of every response. Raises SetupError if `page_servers` is not valid.

    The page may connect to the gateway that served it ('self' includes ws and wss), to `page_servers`, and if the
    gateway is `local`, to other servers on this machine. So a link with `?server=` cannot make it send audio elsewhere.
    """
    sources = " ".join(_connect_sources(page_servers, local))
    directives = (
        "default-src 'self'",
        f"connect-src {sources}",
        "style-src 'self' 'unsafe-inline'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return [
        ("content-security-policy", "; ".join(directives)),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]


def _connect_sources(page_servers: str, local: bool) -> list[str]:
    servers = page_servers.replace(",", " ").split()
    for server in servers:
        if server != ANY_SERVER and not _SERVER.fullmatch(server):
            message = (
                "GATEWAY_PAGE_SERVERS must contain addresses such as wss://voice.example or ws://10.0.0.5:8080, or *"
            )
            raise SetupError(message)
    if ANY_SERVER in servers:
        return ["'self'", "ws:", "wss:"]
    return ["'self'", *(_LOCAL if local else ()), *servers]
