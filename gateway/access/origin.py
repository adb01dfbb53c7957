"""Which pages may speak to this gateway from a browser. Pure.

A browser says by `Origin` whose page it runs, and by `Host` what that page believes to speak to; a page can forge
neither. Programs send no Origin, and are not stopped by this. (RFC 6455, 10.2; WHATWG Fetch, 3.2)
"""

from __future__ import annotations

from collections.abc import Set
from urllib.parse import urlsplit

from backend.service.address import is_loopback

ANYWHERE = "*"


def may_speak(origin: str, host: str, listed: Set[str], *, local: bool) -> bool:
    """Whether a page of this origin may: our own, or one of those listed.

    `local`: we listen on loopback only, and nobody needs a key. Then pages that this machine serves may as well; and
    our own page is one whose host is this machine's: its owner can make any other name lead here (DNS rebinding).
    """
    if origin in listed or ANYWHERE in listed:
        return True
    whose = _netloc(origin)
    return is_loopback(_name(whose)) if local else whose != "" and whose == host.lower()


def is_ours(host: str, listed: Set[str]) -> bool:
    """Whether a request to a gateway on loopback was meant for it: the host is this machine, or one that is listed."""
    return is_loopback(_name(host)) or host.lower() in {_netloc(origin) for origin in listed}


def _netloc(origin: str) -> str:
    """Host and port, as `Host` has them; "" where there is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name(netloc: str) -> str:
    """Without the port."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
