"""The proxy for a WebSocket connection."""

from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from backend.service.address import is_on_this_machine


def proxy_for(url: str) -> str | Literal[True] | None:
    """The proxy to pass to `websockets`: None for no proxy, True to let it read the environment.

    It reads HTTP_PROXY, HTTPS_PROXY, SOCKS_PROXY and NO_PROXY, but not ALL_PROXY, which httpx and curl read too.
    """
    address = urlsplit(url)
    if is_on_this_machine(url) or proxy_bypass(address.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    schemes = {"wss", "socks", "https"} if address.scheme == "wss" else {"ws", "socks", "https", "http"}
    return True if schemes & proxies.keys() else proxies.get("all", True)
