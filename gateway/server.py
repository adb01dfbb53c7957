"""uvicorn, as the gateway uses it for each of its HTTP ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from backend.service.address import is_loopback
from gateway.http.http_limits import LimitedHttp
from gateway.http.limited_websocket import LimitedWebSocket
from gateway.http.page_policy import security_headers
from gateway.http.read_budget import ReadLimits
from gateway.settings import GatewaySettings


class GatewayServer(uvicorn.Server):
    """uvicorn without its signal handlers: it would close every connection at the first signal, without a drain."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_config(app: Any, settings: GatewaySettings, host: str, port: int, **options: Any) -> uvicorn.Config:
    """The configuration of a server with this gateway's limits."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=LimitedHttp,
        ws=_websocket_protocol(settings),
        backlog=4096,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=security_headers(settings.page_servers, local=is_loopback(host)),
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        ws_max_size=settings.max_frame_bytes,
        ws_per_message_deflate=False,
        # Browsers answer pings in the background, but a suspended laptop or phone may take long.
        ws_ping_timeout=120,
        timeout_graceful_shutdown=5,
        **options,
    )


def _websocket_protocol(settings: GatewaySettings) -> Any:
    """The class of uvicorn's WebSocket connections, with this gateway's limits."""
    return partial(LimitedWebSocket, limits=ReadLimits(settings.max_frames_per_s, settings.max_bytes_per_s))
