"""Whether the other side of a TCP connection has left, found without reading from it.

While an event loop reads nothing from a socket, it notices neither an end nor a reset of the connection.
"""

import asyncio
import socket

# Option with the state of a connection: Linux only. On other systems, only reading and writing find a lost client.
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
# States of the kernel after an end or a reset from the other side: closed, and waiting to be closed here.
_LEFT = (7, 8)


def has_left(transport: asyncio.Transport) -> bool:
    """Whether the other side has closed or reset the connection. False if the system cannot tell."""
    tcp: socket.socket | None = transport.get_extra_info("socket")
    if _TCP_INFO is None or tcp is None:
        return False
    try:
        return tcp.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] in _LEFT
    except OSError:  # not TCP, or already closed
        return False
