"""Limits on connections that have no session yet, in total and for each address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from backend.errors import ClientError
from gateway.access.slots import counted


class TooManyConnectionsError(ClientError):
    """Too many connections are waiting for their first message."""

    code = "too_many_connections"
    close_code = 1013
    retry_after_s = 2.0


def address_of(connection: HTTPConnection) -> str:
    """The address of the client of a request or a WebSocket; "" if it is unknown."""
    return connection.client.host if connection.client else ""


class PendingConnections:
    """Counts connections from their handshake until they hold a session. They cost memory, and no quota limits them."""

    def __init__(self, maximum: int, maximum_per_address: int) -> None:
        self._maximum, self._maximum_per_address = maximum, maximum_per_address
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._by_address.total()

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """Count a connection while the context is active. Raises TooManyConnectionsError."""
        if len(self) >= self._maximum:
            raise TooManyConnectionsError("this gateway has too many connections without a session; try again later")
        if self._by_address[address] >= self._maximum_per_address:
            raise TooManyConnectionsError("this address has too many connections without a session; try again later")
        with counted(self._by_address, address):
            yield
