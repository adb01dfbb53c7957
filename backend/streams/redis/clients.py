"""A client for each kind of Redis, made from its address; what redis-py 8.1 gets wrong in trouble is put right here.

Each departure from the library was found by killing, freezing and replacing real servers, as the tests still do, and
says what happens without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from redis._parsers import AsyncCommandsParser
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import FullJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError

from backend.errors import SetupError

SOCKET_TIMEOUT_S = 3.0
"""Longest wait for an answer; who blocks in Redis, blocks for less."""
CONNECT_TIMEOUT_S = 2.0
"""Longest wait for a connection, and for the answer to where data lies."""
LOOK_EVERY_S = 1.0
"""So often Sentinels are asked who the master is."""
MOST_CONNECTIONS = 2_048
"""Connections to a node, which is as many commands as can be in flight at once; redis-py fails beyond."""
FORMS = (
    "redis://[user:password@]host:port[/db], rediss://... with TLS, unix://path, "
    "redis+sentinel://[user:password@]host:port,host:port/name[/db] or redis+cluster://[user:password@]host:port,..."
)


def client(url: str) -> Redis:
    """The client for an address: a single Redis, the master that Sentinels name, or a cluster."""
    try:
        place = urlsplit(url)
        secure, _, kind = place.scheme.partition("+")
        if kind == "sentinel":
            return _sentinel(secure, place)
        if kind == "cluster":
            return cast("Redis", _cluster(secure, place))
        # A connection that brought one of these is closed: behind the name may be another master by now.
        redis = Redis.from_url(url, **_limits(), retry=_retry(1), retry_on_error=[RedisConnectionError, ReadOnlyError])
        redis.connection_pool.connection_class = _careful(redis.connection_pool.connection_class)
        return redis
    except ValueError:  # its message may quote a part of the password
        raise SetupError(f"REDIS_URL is not understood; it is one of {FORMS}") from None


def _limits() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": 15,
        "max_connections": MOST_CONNECTIONS,
        "driver_info": None,  # not to be told to the server: Redis 7.0 has no word for it, so our users may not say it
    }


def _retry(times: int) -> Retry:
    """How often redis-py tries again by itself: once where an idle connection may have died, or else not at all.

    More is for the callers, who know what a second attempt means; and it would ask the same node again, dead or not.
    """
    return Retry(FullJitterBackoff(cap=0.5, base=0.02), retries=times)


class _Careful:
    """A connection without three traps of redis-py's.

    Sending may swallow a cancellation (`wait_for` of Python 3.11). A connection that another task closes meanwhile, as
    the cluster client does at every failure, breaks by AttributeError, or by RuntimeError under uvloop.
    """

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        before = task.cancelling()
        try:
            with _as_lost():
                await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        finally:
            if task.cancelling() > before:
                await self.disconnect(nowait=True)  # type: ignore[attr-defined]
                raise asyncio.CancelledError

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        with _as_lost():
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]


@contextmanager
def _as_lost() -> Iterator[None]:
    try:
        yield
    except (AttributeError, RuntimeError) as error:
        raise RedisConnectionError("the connection was closed while it was used") from error


def _careful(connection: type[Any]) -> type[Any]:
    return type(f"Careful{connection.__name__}", (_Careful, connection), {})


def _hosts(place: SplitResult, default_port: int) -> list[tuple[str, int]]:
    hosts = [urlsplit(f"//{host}") for host in place.netloc.rpartition("@")[2].split(",")]
    return [(_known(host.hostname), host.port or default_port) for host in hosts]


def _known(name: str | None) -> str:
    if not name:
        raise ValueError("a part is missing")
    return name


def _options(secure: str, place: SplitResult, path: str) -> dict[str, Any]:
    """What redis-py reads from an address beside the hosts: the user, the password, the database, TLS."""
    if secure not in ("redis", "rediss"):
        raise ValueError("Sentinels and clusters are reached by TCP")
    user, at, _ = place.netloc.rpartition("@")
    options: dict[str, Any] = dict(parse_url(f"{secure}://{user}{at}host/{path}?{place.query}"))
    del options["host"]
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    return options


class _SentinelPool(SentinelConnectionPool):
    """Leaves a master that is no longer one, though it may still answer, within about a second."""

    _look_at = 0.0

    async def ensure_connection(self, connection: Any) -> None:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY_S
            with suppress(RedisError, OSError):  # a master is good enough while no Sentinel answers
                await self.get_master_address()
        if (connection.host, connection.port) != self.master_address:
            await connection.disconnect()
        await super().ensure_connection(connection)

    async def get_master_address(self) -> tuple[str, int]:
        try:
            return cast("tuple[str, int]", await super().get_master_address())  # type: ignore[no-untyped-call]
        except MasterNotFoundError:  # redis-py's own words fill a page
            raise MasterNotFoundError(f"no Sentinel knows a living master {self.service_name!r}") from None

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def _sentinel(secure: str, place: SplitResult) -> Redis:
    name, _, database = place.path.strip("/").partition("/")
    if database and not database.isdecimal():
        raise ValueError("the database is a number")
    options = _options(secure, place, database)
    # One that is down must cost little: the next is asked.
    to_sentinels: dict[str, Any] = {
        "socket_timeout": CONNECT_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": _retry(0),
        "ssl": options["ssl"],
        **{key: value for key, value in options.items() if key.startswith("ssl_")},
    }
    for key in ("username", "password"):
        to_sentinels[key] = options.pop(f"sentinel_{key}", None)
    sentinel = Sentinel(_hosts(place, 26379), sentinel_kwargs=to_sentinels)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(
        _known(name), connection_pool_class=_SentinelPool, **{**_limits(), "retry": _retry(0), **options}
    )
    master.connection_pool.connection_class = _careful(master.connection_pool.connection_class)
    return master


class _Keys(AsyncCommandsParser):
    """Which keys a command has, without two of redis-py's traps."""

    async def initialize(self, node: ClusterNode | None = None) -> None:
        """The list of all commands is long: once is enough, not at every failure of every caller."""
        self.node = node or self.node
        if not self.commands:
            await super().initialize(node)

    async def get_keys(self, *args: Any) -> tuple[str, ...] | None:
        """Of XREADGROUP a node would be asked; when that one has died, the client would never try another."""
        if args[0] != "XREADGROUP":
            return await super().get_keys(*args)
        streams = args[args.index(b"STREAMS") + 1 :]
        return tuple(streams[: len(streams) // 2])


class _Cluster(RedisCluster):
    """Whoever gives up while the cluster's nodes are looked up must not close everybody's connections, as it would."""

    async def initialize(self, *args: Any, **kwargs: Any) -> RedisCluster:
        return await asyncio.shield(super().initialize(*args, **kwargs))


def _cluster(secure: str, place: SplitResult) -> RedisCluster:
    if place.path.strip("/") not in ("", "0"):
        raise ValueError("a cluster has one database")
    nodes = [ClusterNode(host, port) for host, port in _hosts(place, 6379)]
    options = {**_limits(), "retry": _retry(0), **_options(secure, place, "")}
    # The address keeps its word: when all nodes have moved, its names are looked up again. What has moved is found one
    # by one: the client would close everybody's connections at every fifth.
    cluster = _Cluster(startup_nodes=nodes, dynamic_startup_nodes=False, reinitialize_steps=0, **options)
    cluster.commands_parser = _Keys()
    connection = _careful(cluster.connection_kwargs["connection_class"])
    cluster.connection_kwargs["connection_class"] = connection
    for node in cluster.nodes_manager.startup_nodes.values():
        node.connection_class = connection
        node.connection_kwargs["socket_timeout"] = CONNECT_TIMEOUT_S
    return cluster
