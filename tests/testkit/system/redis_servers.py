"""Real Redis servers of every kind, on loopback. They can be killed, and restarted with the same port and data."""

import asyncio
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from backend.errors import SetupError
from backend.local.processes import bound_socket, redis_binary, wait_for
from backend.streams.names import Shard

SERVICE = "mymaster"
DOWN_AFTER_MS = 500
NODE_TIMEOUT_MS = 1_000
# Below the ports of outgoing connections. One of those could otherwise take a port before its server starts.
PORTS = range(20_000, 32_000)


def server_port() -> int:
    """A port that is not in use."""
    while True:
        port = random.choice(PORTS)
        with suppress(SetupError), bound_socket("127.0.0.1", port):
            return port


@dataclass(slots=True)
class Server:
    """One server process with its own port and directory."""

    directory: Path
    options: Sequence[str]
    port: int = field(default_factory=server_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, with the data in its directory. Returns when it accepts connections."""
        self.spawn()
        await wait_for(self._listens, f"no answer on port {self.port}", 10, 0.02)

    def spawn(self) -> None:
        """Start it without waiting for it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        address = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory))
        command = (redis_binary(), *self.options, *address)
        with (self.directory / "log").open("ab") as log:
            # SIGXFSZ stays ignored as in Python, so a write beyond a limit of the file size fails as on a full disk.
            self.process = subprocess.Popen(command, stdout=log, stderr=log, restore_signals=False)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it with SIGSTOP: connections stay open, and it does not answer."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    async def command(self, *command: str | int) -> Any:
        """Send one command to this server. Does not retry or follow redirects."""
        once = Retry(NoBackoff(), 0)
        async with Redis(port=self.port, decode_responses=True, socket_timeout=2, protocol=2, retry=once) as redis:
            # In one string, redis-py would recognize the command and convert the answer.
            name, *arguments = command
            return await redis.execute_command(*str(name).split(), *arguments)  # type: ignore[no-untyped-call]

    async def try_command(self, *command: str | int) -> Any:
        """The answer to a command, or None if there is none."""
        try:
            return await self.command(*command)
        except (RedisError, OSError):
            return None

    def _signal(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    async def _listens(self) -> bool:
        return bool(await self.try_command("PING"))


@dataclass(frozen=True, slots=True)
class RedisServers:
    """A running single server, Sentinel deployment or cluster."""

    url: str
    servers: tuple[Server, ...]  # the servers that hold data: masters and replicas
    sentinels: tuple[Server, ...] = ()

    @property
    def fails_over(self) -> bool:
        """Whether a replica replaces a lost master."""
        return len(self.servers) > 1

    async def master(self, shard: int = 0) -> Server:
        """The server that serves the keys of a shard now. Raises LookupError if there is none."""
        key = Shard(shard).prefix
        if self.sentinels:
            _, port = await self.sentinels[0].command("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)
            return next(server for server in self.servers if server.port == int(port))
        for server in self.servers:
            role = await server.try_command("ROLE")
            if role and role[0] == "master" and await self.serves(server, key_slot(key.encode())):
                return server
        raise LookupError(f"no server serves {key}")

    async def serves(self, server: Server, slot: int) -> bool:
        """Whether a master regards itself as the owner of a slot. A server outside a cluster serves all."""
        slots = await server.try_command("CLUSTER SLOTS")  # None if it is not a cluster
        ranges = [(first, last) for first, last, (_, port, *_), *_ in slots or () if port == server.port]
        return slots is None or any(first <= slot <= last for first, last in ranges)

    async def kill_master(self, shard: int = 0) -> Server:
        """Kill the server that serves a shard, and return it."""
        master = await self.master(shard)
        master.kill()
        return master

    async def fail_over(self, shard: int = 0) -> None:
        """Replace the master of a shard by its replica without killing it."""
        port = (await self.master(shard)).port

        async def accepted() -> bool:
            if self.sentinels:
                return bool(await self.sentinels[0].try_command("SENTINEL FAILOVER", SERVICE))
            roles = [(server, await server.command("ROLE")) for server in self.servers]
            replica = next(server for server, role in roles if role[0] == "slave" and role[2] == port)
            return bool(await replica.try_command("CLUSTER FAILOVER"))

        await wait_for(accepted, "no replica accepts the failover", 10, 0.2)

    async def settle(self) -> None:
        """Wait until every server runs and each master has a connected replica."""
        await wait_for(self._settled, "the servers do not agree on their roles", 30)

    async def _settled(self) -> bool:
        roles = [await server.try_command("ROLE") for server in self.servers]
        infos = [await server.try_command("CLUSTER INFO") or "cluster_state:ok" for server in self.servers]
        following = [role for role in roles if role and role[0] == "slave" and role[3] == "connected"]
        leading = [role for role in roles if role and role[0] == "master"]
        agreed = all("cluster_state:ok" in info for info in infos)
        return agreed and len(leading) + len(following) == len(roles) and len(following) == len(roles) // 2


@asynccontextmanager
async def single(
    directory: Path, *, appendonly: bool = False, appendfsync: str = "everysec"
) -> AsyncIterator[RedisServers]:
    """One server."""
    persistence = ("--appendonly", "yes" if appendonly else "no", "--appendfsync", appendfsync, "--save", "")
    async with _running([Server(directory, (*persistence, "--enable-protected-configs", "yes"))]) as (server,):
        yield RedisServers(f"redis://127.0.0.1:{server.port}/0", (server,))


@asynccontextmanager
async def sentinel(directory: Path) -> AsyncIterator[RedisServers]:
    """A master with a replica, and three Sentinels that know both."""
    plain = ("--appendonly", "no", "--save", "", "--repl-diskless-sync-delay", "0")
    master, replica = (Server(directory / name, plain) for name in ("first", "second"))
    replica.options = (*plain, "--replicaof", f"127.0.0.1 {master.port}")
    watchers = [Server(directory / f"sentinel-{n}", ()) for n in range(3)]
    for watcher in watchers:
        watcher.directory.mkdir(parents=True)
        configuration = watcher.directory / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        watcher.options = (str(configuration), "--sentinel")

    async def replicated() -> bool:
        return bool((await replica.command("ROLE"))[3] == "connected")

    async def agreed() -> bool:
        answers = [await watcher.try_command("SENTINEL MASTER", SERVICE) or [] for watcher in watchers]
        states = [dict(zip(answer[::2], answer[1::2], strict=True)) for answer in answers]
        return all(one.get("num-slaves") == "1" and one.get("num-other-sentinels") == "2" for one in states)

    async with _running([master, replica]):
        await wait_for(replicated, "the replica is not connected", 30)  # otherwise the Sentinels find it late
        async with _running(watchers):
            await wait_for(agreed, "the Sentinels do not agree", 30)
            for watcher in watchers:  # by default they notice a restarted master after 10 s
                await watcher.command("SENTINEL DEBUG", "info-period", 500, "publish-period", 250)
            hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
            yield RedisServers(f"redis+sentinel://{hosts}/{SERVICE}", (master, replica), tuple(watchers))


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[RedisServers]:
    """A cluster of three masters, each with a replica."""
    memory = ("--appendonly", "no", "--save", "", "--repl-diskless-sync-delay", "0")
    options = (*memory, "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
    buses = [server_port() for _ in range(6)]
    nodes = [Server(directory / str(n), (*options, "--cluster-port", str(bus))) for n, bus in enumerate(buses)]
    masters, replicas = nodes[:3], nodes[3:]

    async def agreed() -> bool:
        for node in nodes:
            info = await node.try_command("CLUSTER INFO") or ""
            slots = await node.try_command("CLUSTER SLOTS") or []
            if "cluster_state:ok" not in info or [len(slot) for slot in slots] != [4, 4, 4]:
                return False
        return all([(await replica.command("ROLE"))[3] == "connected" for replica in replicas])

    async def met() -> bool:
        return all(["cluster_known_nodes:6" in await node.command("CLUSTER INFO") for node in nodes])

    async with _running(nodes):
        for number, node in enumerate(nodes):
            await node.command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            await node.command("CLUSTER MEET", "127.0.0.1", nodes[0].port, buses[0])
        for number, master in enumerate(masters):
            first, last = number * 16_384 // 3, (number + 1) * 16_384 // 3 - 1
            await master.command("CLUSTER ADDSLOTSRANGE", first, last)
        await wait_for(met, "the nodes have not met", 30)
        for master, replica in zip(masters, replicas, strict=True):
            await replica.command("CLUSTER REPLICATE", await master.command("CLUSTER MYID"))
        await wait_for(agreed, "the nodes do not agree", 30)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        yield RedisServers(f"redis+cluster://{hosts}", tuple(nodes))


@asynccontextmanager
async def _running(servers: Sequence[Server]) -> AsyncIterator[Sequence[Server]]:
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
