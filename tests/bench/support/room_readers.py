"""A process with readers of a room. It notes when data arrives, and parses it after the measurement.

The kernel notes when it receives data for a socket. So the time that a gateway needs is known apart from the time until
this process, which shares the processors with the gateway, reads the data.
"""

import base64
import re
import resource
import select
import socket
import struct
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

# Linux, socket(7): each read comes with the time at which the kernel received its last packet.
SO_TIMESTAMPNS = 35
CONNECT_TIMEOUT_S, QUIET_S = 20.0, 1.0
MAX_READ_BYTES = 16_384
NUMBER = re.compile(rb'"text":"(\d+) ')
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
# What a server sends before the first caption.
GREETING = {"sse": b"retry: 2000\n\n", "websocket": b"\r\n\r\n"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A caption that one reader received. Times are Unix time in ns: of the kernel, and of the read."""

    reader: int
    number: int
    arrived_ns: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class Received:
    """All that the readers of one process received, and what it cost them."""

    deliveries: tuple[Delivery, ...]
    lost: int
    cpu_s: float


@dataclass(slots=True)
class BenchReader:
    """One connection, and its data with the times of arrival."""

    number: int
    connection: socket.socket
    parts: list[tuple[bytes, int, int]] = field(default_factory=list)
    is_lost: bool = False

    def receive(self) -> None:
        """Keep what has arrived."""
        data, headers, *_ = self.connection.recvmsg(MAX_READ_BYTES, 64)
        seconds, ns = struct.unpack("qq", headers[0][2]) if headers else (0, 0)
        self.parts.append((data, seconds * 1_000_000_000 + ns, time.time_ns()))
        self.is_lost = not data

    def deliveries(self) -> Iterator[Delivery]:
        """The captions in the data. The last part of a caption decides when it arrived."""
        ends = list(accumulate(len(data) for data, *_ in self.parts))
        for found in NUMBER.finditer(b"".join(data for data, *_ in self.parts)):
            _, arrived_ns, read_ns = self.parts[bisect_left(ends, found.end())]
            yield Delivery(self.number, int(found[1]), arrived_ns, read_ns)


def read_room(path: str, transport: str, readers: Sequence[tuple[int, str]], parent: Connection) -> None:
    """Connect a reader for each number and language, send "ready", and read until the parent sends a message.

    The answer is `Received`. `transport` is "sse" or "websocket".
    """
    connected = {}
    for number, language in readers:
        connection = _connect(path, transport, language)
        connected[connection.fileno()] = BenchReader(number, connection)
    parent.send("ready")
    began_s, lost = _cpu_s(), _receive_all(connected, parent)
    used_s = _cpu_s() - began_s
    parent.send(Received(tuple(one for reader in connected.values() for one in reader.deliveries()), lost, used_s))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _connect(url: str, transport: str, language: str) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), CONNECT_TIMEOUT_S)
    is_socket = transport == "websocket"
    upgrade = UPGRADE.format(key=base64.b64encode(bytes(16)).decode()) if is_socket else ""
    path = f"{parts.path}{'' if is_socket else '/events'}?lang={language}"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{upgrade}\r\n".encode())
    head = b""
    while GREETING[transport] not in head:
        if not (data := connection.recv(MAX_READ_BYTES)):
            raise ConnectionError(head.decode())
        head += data
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return connection


def _receive_all(connected: dict[int, BenchReader], parent: Connection) -> int:
    """Read until the parent has sent a message, and nothing more arrives. The number of connections that ended."""
    waiting, stopping, lost = select.epoll(), False, 0
    for descriptor in (*connected, parent.fileno()):
        waiting.register(descriptor, select.EPOLLIN)
    while (ready := waiting.poll(QUIET_S)) or not stopping:
        for descriptor, _ in ready:
            if descriptor == parent.fileno():
                parent.recv()
                stopping = True
                continue
            reader = connected[descriptor]
            reader.receive()
            if reader.is_lost:
                waiting.unregister(descriptor)
                lost += 1
    return lost
