"""Corrections of redis-py 8.1 for failovers. The only module that uses private names of redis-py.

Each correction was found by killing, freezing and replacing real servers (tests/integration/test_redis_kinds.py). They
override internals, so pyproject.toml limits redis-py to the next major version.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

# Private module. RedisCluster has no public way to replace its parser of command keys.
from redis._parsers import AsyncCommandsParser
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.sentinel import MasterNotFoundError, SentinelConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

# How often Sentinels are asked for the current master, so this long writes may go to a demoted one.
MASTER_CHECK_EVERY_S = 1.0


class _SafeConnection:
    """Mixin for connection classes of redis-py."""

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        # redis-py sends inside `asyncio.wait_for`, which swallows a cancellation that arrives as it finishes (Python
        # 3.11, fixed in 3.12). The task would never end, so the cancellation is raised again here.
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        cancellations = task.cancelling()
        try:
            with _closed_as_connection_error():
                await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        finally:
            if task.cancelling() > cancellations:
                # The command may be half sent, so the connection is unusable.
                await self.disconnect(nowait=True)  # type: ignore[attr-defined]
                raise asyncio.CancelledError

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        with _closed_as_connection_error():
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]


@contextmanager
def _closed_as_connection_error() -> Iterator[None]:
    # The cluster client closes all connections of a node after a failure, also those that other tasks are using. These
    # tasks get an AttributeError (the reader is None), or under uvloop a RuntimeError, instead of a ConnectionError.
    try:
        yield
    except (AttributeError, RuntimeError) as error:
        raise RedisConnectionError("the connection was closed while it was used") from error


def safe_connection_class(connection_class: type[Any]) -> type[Any]:
    """A subclass of a redis-py connection class that survives cancellation and concurrent closing."""
    return type(f"Safe{connection_class.__name__}", (_SafeConnection, connection_class), {})


class MasterFollowingPool(SentinelConnectionPool):
    """Leaves a demoted master within about a second.

    redis-py asks the Sentinels only when a new connection is made. An existing connection to a master that was
    demoted but still answers would be used forever, and its writes would be lost.
    """

    _next_check = 0.0

    async def ensure_connection(self, connection: Any) -> None:
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + MASTER_CHECK_EVERY_S
            # While no Sentinel answers, keep the last known master.
            with suppress(RedisError, OSError):
                await self.get_master_address()
        if (connection.host, connection.port) != self.master_address:
            await connection.disconnect()
        await super().ensure_connection(connection)

    async def get_master_address(self) -> tuple[str, int]:
        try:
            return cast("tuple[str, int]", await super().get_master_address())  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            # The original message lists every Sentinel with its complete state.
            raise MasterNotFoundError(f"no Sentinel knows a master named {self.service_name!r}") from None

    async def aclose(self) -> None:
        await super().aclose()
        # redis-py leaves the connections to the Sentinels open.
        await self.sentinel_manager.aclose()


class _CommandKeys(AsyncCommandsParser):
    """Finds the keys of a command, which decide to which node it is sent."""

    async def initialize(self, node: ClusterNode | None = None) -> None:
        # redis-py loads the long list of all commands again after every failure of every caller. Once is enough.
        self.node = node or self.node
        if not self.commands:
            await super().initialize(node)

    async def get_keys(self, *args: Any) -> tuple[str, ...] | None:
        # redis-py asks a fixed node for the keys of XREADGROUP (COMMAND GETKEYS). If that node is dead, the consumer
        # would fail forever. The keys are the first half of what follows STREAMS; the ids are the second half.
        if args[0] != "XREADGROUP":
            return await super().get_keys(*args)
        keys_and_ids = args[args.index(b"STREAMS") + 1 :]
        return tuple(keys_and_ids[: len(keys_and_ids) // 2])


class SafeRedisCluster(RedisCluster):
    """A cluster client whose callers do not disturb each other."""

    async def initialize(self, *args: Any, **kwargs: Any) -> RedisCluster:
        # If a caller is cancelled during the lookup of the nodes, redis-py closes the connections of all callers. The
        # shield lets the lookup finish.
        return await asyncio.shield(super().initialize(*args, **kwargs))

    async def aclose(self) -> None:
        await super().aclose()
        # After a failed command, redis-py regards itself as closed until the next one, and has closed nothing above.
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:  # a lookup of the nodes may be opening connections
            for nodes in ("nodes_cache", "startup_nodes"):
                await self.nodes_manager.aclose(nodes)

    def apply_fixes(self, startup_timeout_s: float) -> None:
        """Install the safe connection class and the key finder, and limit the time to reach a startup node."""
        self.commands_parser = _CommandKeys()
        connection_class = safe_connection_class(self.connection_kwargs["connection_class"])
        self.connection_kwargs["connection_class"] = connection_class
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = connection_class
            node.connection_kwargs["socket_timeout"] = startup_timeout_s
