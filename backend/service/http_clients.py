"""HTTP clients that use the proxies of the environment, except for addresses on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from backend.errors import SetupError
from backend.service.address import is_on_this_machine


def http_client(url: str, **options: Any) -> httpx.Client:
    """A client for the server at `url`. Raises SetupError if the proxy for it cannot be used."""
    with _proxy_errors():
        return httpx.Client(transport=httpx.HTTPTransport() if _is_direct(url) else None, **options)


def async_http_client(url: str, **options: Any) -> httpx.AsyncClient:
    """As `http_client`."""
    with _proxy_errors():
        return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport() if _is_direct(url) else None, **options)


def _is_direct(url: str) -> bool:
    # httpx prepares all proxies of the environment, so one that it cannot use is an error even if NO_PROXY excludes it.
    return is_on_this_machine(url) or bool(proxy_bypass(urlsplit(url).hostname or ""))


@contextmanager
def _proxy_errors() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise SetupError(
            "the environment names a SOCKS proxy, which needs two packages: pip install 'httpx[socks]' python-socks"
        ) from None
    except (ValueError, httpx.InvalidURL) as error:
        raise SetupError(f"the proxy that the environment names cannot be used: {error}") from None
