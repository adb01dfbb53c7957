"""Creates the redis-py client for an address: a single server, Sentinel, or a cluster."""

from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import FullJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

from backend.errors import SetupError
from backend.streams.redis.redis_py_fixes import MasterFollowingPool, SafeRedisCluster, safe_connection_class

# Longest wait for an answer. Blocking reads block for less (BLOCK_MS).
SOCKET_TIMEOUT_S = 3.0
# Longest wait for a connection, and for a Sentinel or a startup node to answer.
CONNECT_TIMEOUT_S = 2.0
# Connections to a node, so also the number of concurrent commands. redis-py raises an error beyond it.
MAX_CONNECTIONS = 2_048
ADDRESS_FORMATS = (
    "redis://[user:password@]host:port[/db], rediss://... with TLS, unix://path, "
    "redis+sentinel://[user:password@]host:port,host:port/name[/db] or redis+cluster://[user:password@]host:port,..."
)


def client(url: str) -> Redis:
    """The client for an address; nothing is sent yet. Raises SetupError if the address is not valid.

    A cluster client is returned as `Redis` too: it has the same commands, but no call may span shards.
    """
    try:
        address = urlsplit(url)
        scheme, _, topology = address.scheme.partition("+")
        if topology == "sentinel":
            return _sentinel_client(scheme, address)
        if topology == "cluster":
            return cast("Redis", _cluster_client(scheme, address))
        return _single_client(url)
    except ValueError:
        # The original message may quote a part of the password.
        raise SetupError(f"REDIS_URL is not valid; it has one of these forms: {ADDRESS_FORMATS}") from None


def _single_client(url: str) -> Redis:
    # ReadOnlyError: the server has become a replica. The retry closes the connection, and a new one reaches the new
    # master if the host name points to it.
    redis = Redis.from_url(url, **_limits(), retry=_retry(1), retry_on_error=[RedisConnectionError, ReadOnlyError])
    redis.connection_pool.connection_class = safe_connection_class(redis.connection_pool.connection_class)
    return redis


def _limits() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": 15,
        "max_connections": MAX_CONNECTIONS,
        # Prevents CLIENT SETINFO: Redis 7.0 does not know it, and our ACL users are not allowed to call it.
        "driver_info": None,
    }


def _retry(times: int) -> Retry:
    """Retries inside redis-py: once where an idle connection may have died, otherwise none.

    A command whose answer is late is not sent again, because Redis may have executed it. Further retries are left to
    the callers, which know whether a second attempt is safe. redis-py would also retry at the same node, dead or not.
    """
    backoff = FullJitterBackoff(cap=0.5, base=0.02)
    return Retry(backoff, retries=times, supported_errors=(RedisConnectionError,))


def _sentinel_client(scheme: str, address: SplitResult) -> Redis:
    name, _, database = address.path.strip("/").partition("/")
    if database and not database.isdecimal():
        raise ValueError("the database is not a number")
    options = _options(scheme, address, database)
    # No retry: if a Sentinel does not answer, the next one is asked.
    sentinel_options: dict[str, Any] = {
        "socket_timeout": CONNECT_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": _retry(0),
        "ssl": options["ssl"],
        **{key: value for key, value in options.items() if key.startswith("ssl_")},
    }
    for key in ("username", "password"):
        sentinel_options[key] = options.pop(f"sentinel_{key}", None)
    sentinel = Sentinel(_hosts(address, 26379), sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(
        _required(name), connection_pool_class=MasterFollowingPool, **{**_limits(), "retry": _retry(0), **options}
    )
    master.connection_pool.connection_class = safe_connection_class(master.connection_pool.connection_class)
    return master


def _cluster_client(scheme: str, address: SplitResult) -> RedisCluster:
    if address.path.strip("/") not in ("", "0"):
        raise ValueError("a cluster has one database")
    nodes = [ClusterNode(host, port) for host, port in _hosts(address, 6379)]
    options = {**_limits(), "retry": _retry(0), **_options(scheme, address, "")}
    cluster = SafeRedisCluster(
        startup_nodes=nodes,
        # Keep the host names of the address: when all nodes have moved, they are resolved again.
        dynamic_startup_nodes=False,
        # By default, every fifth MOVED answer closes the connections of all callers. Moved slots are updated one by one
        # anyway.
        reinitialize_steps=0,
        **options,
    )
    cluster.apply_fixes(CONNECT_TIMEOUT_S)
    return cluster


def _hosts(address: SplitResult, default_port: int) -> list[tuple[str, int]]:
    hosts = [urlsplit(f"//{host}") for host in address.netloc.rpartition("@")[2].split(",")]
    return [(_required(host.hostname), host.port or default_port) for host in hosts]


def _required(name: str | None) -> str:
    if not name:
        raise ValueError("a part is missing")
    return name


def _options(scheme: str, address: SplitResult, path: str) -> dict[str, Any]:
    """Return the options that redis-py reads from an address: user, password, database, TLS."""
    if scheme not in ("redis", "rediss"):
        raise ValueError("Sentinel and clusters need TCP")
    user, at, _ = address.netloc.rpartition("@")
    options: dict[str, Any] = dict(parse_url(f"{scheme}://{user}{at}host/{path}?{address.query}"))
    del options["host"]
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    return options
