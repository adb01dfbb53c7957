"""HTTP clients that use the proxies of the environment, except for addresses on this machine."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from backend.errors import SetupError
from backend.service.address import is_on_this_machine


def http_client(url: str, *, tls: ssl.SSLContext | None = None, **options: Any) -> httpx.Client:
    """A client for the server at `url`. `tls` says which certificates it trusts; default: those of httpx.

    Raises SetupError if the proxy for it cannot be used.
    """
    verify = tls or True
    with _proxy_errors():
        transport = httpx.HTTPTransport(verify=verify) if _is_direct(url) else None
        return httpx.Client(transport=transport, verify=verify, **options)


def async_http_client(url: str, *, tls: ssl.SSLContext | None = None, **options: Any) -> httpx.AsyncClient:
    """As `http_client`."""
    verify = tls or True
    with _proxy_errors():
        transport = httpx.AsyncHTTPTransport(verify=verify) if _is_direct(url) else None
        return httpx.AsyncClient(transport=transport, verify=verify, **options)


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
