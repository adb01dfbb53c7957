"""Connections with and without TLS, and with certificates of one's own."""

import socket
import ssl

import pytest

from backend.client.connection import open_connection
from backend.messages.protocol import Start


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("tls", [None, ssl.create_default_context()], ids=["system", "own"])
async def test_any_address_can_be_tried(scheme: str, tls: ssl.SSLContext | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await open_connection(f"{scheme}://127.0.0.1:{port}/v1/stream", Start(), tls=tls)
