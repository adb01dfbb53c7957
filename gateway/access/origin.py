"""Origin and Host checks for requests from browsers. Pure.

A browser sends the page's origin in `Origin` and the requested server in `Host`; a page cannot forge either. Programs
send no `Origin` and are not restricted. Sources: RFC 6455, section 10.2; WHATWG Fetch, section 3.2.
"""

from collections.abc import Set
from urllib.parse import urlsplit

from backend.service.address import is_loopback

ANY_ORIGIN = "*"


def is_origin_allowed(origin: str, host: str, allowed: Set[str], *, local: bool) -> bool:
    """Whether a page of this origin may connect: the gateway's own page, or an origin in `allowed`.

    `local` means that the gateway listens only on loopback and requires no key. Then every page that this machine
    serves may connect, and the `Host` header proves nothing: an attacker can let its own name resolve to 127.0.0.1
    (DNS rebinding).
    """
    if origin in allowed or ANY_ORIGIN in allowed:
        return True
    page_host = _netloc(origin)
    return is_loopback(_hostname(page_host)) if local else page_host != "" and page_host == host.lower()


def is_host_allowed(host: str, allowed: Set[str]) -> bool:
    """Whether a request to a gateway on loopback names this machine, or the host of an allowed origin."""
    return is_loopback(_hostname(host)) or host.lower() in {_netloc(origin) for origin in allowed}


def _netloc(origin: str) -> str:
    """Host and port in the form of the `Host` header; "" for an origin without a host."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _hostname(netloc: str) -> str:
    """The host without its port."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
