"""A TCP proxy on loopback that simulates a bad network. Faults can be switched while it runs."""

import asyncio
import contextlib
import socket
import struct
from asyncio import StreamReader, StreamWriter
from typing import Self

CHUNK = 1 << 14  # bytes that are read, delayed and written at once
# SO_LINGER with 0 seconds: closing sends RST and discards undelivered data.
RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """`async with FaultProxy(host, port) as proxy:` forwards connections to `proxy.port`."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0  # of the proxy, on 127.0.0.1
        self.accepted = 0  # connections, including refused ones
        self.delay_s = 0.0  # for every chunk, in each direction
        self.bytes_per_s: float | None = None  # limit per direction and connection
        self.refuse = False  # reset new connections at once
        self._target = host, port
        self._open_to_target, self._open_to_client = asyncio.Event(), asyncio.Event()
        self.flow()
        self._connections: set[asyncio.Task[None]] = set()
        self._held = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._tasks = await self._held.enter_async_context(asyncio.TaskGroup())
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._held.callback(self.cut)
        self._held.callback(server.close)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._held.aclose()

    def cut(self) -> None:
        """Reset all connections."""
        for connection in self._connections:
            connection.cancel()

    def stall(self, *, to_target: bool = True, to_client: bool = True) -> None:
        """Stop forwarding in these directions and keep the connections open, without an error on either side."""
        for stalled, is_open in ((to_target, self._open_to_target), (to_client, self._open_to_client)):
            if stalled:
                is_open.clear()

    def flow(self) -> None:
        """Forward again, starting with the buffered data, as TCP does when a network has recovered."""
        self._open_to_target.set()
        self._open_to_client.set()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        connection = self._tasks.create_task(self._forward(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _forward(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Forward one connection until both sides have closed it or one is lost."""
        ends = [writer]
        try:
            if self.refuse:
                return
            from_target, to_target = await asyncio.open_connection(*self._target)
            ends.append(to_target)
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._pump(reader, to_target, self._open_to_target))
                directions.create_task(self._pump(from_target, writer, self._open_to_client))
            for end in ends:
                end.close()
                await end.wait_closed()
        except* OSError:
            pass
        finally:
            for end in ends:
                _reset(end)

    async def _pump(self, reader: StreamReader, writer: StreamWriter, is_open: asyncio.Event) -> None:
        while data := await reader.read(CHUNK):
            await asyncio.sleep(self.delay_s + (len(data) / self.bytes_per_s if self.bytes_per_s else 0))
            await is_open.wait()
            writer.write(data)
            await writer.drain()
        await is_open.wait()
        writer.write_eof()


def _reset(writer: StreamWriter) -> None:
    if not writer.is_closing():
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
