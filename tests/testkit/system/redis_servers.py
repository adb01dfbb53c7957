"""Every kind of Redis, for real: servers on loopback that can be killed and started again on the same port and data."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from backend.local.processes import free_port, redis_binary, wait_for
from backend.streams.names import Shard

SERVICE = "mymaster"
DOWN_AFTER_MS = 500
NODE_TIMEOUT_MS = 1_000


@dataclass(slots=True)
class Server:
    """One process, on a port and a directory of its own."""

    directory: Path
    options: Sequence[str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, or start it again with what it left on its disk; return when it listens."""
        self._spawn()
        await wait_for(self._listens, f"no answer on port {self.port}", 10, 0.02)

    def _spawn(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory))
        command = (redis_binary(), *self.options, *place)
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9."""
        self._signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang: its connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    async def do(self, *command: str | int) -> Any:
        """One command to this server alone."""
        once = Retry(NoBackoff(), 0)
        async with Redis(port=self.port, decode_responses=True, socket_timeout=2, protocol=2, retry=once) as redis:
            name, *arguments = command  # split, so that redis-py gives the answer as it is
            return await redis.execute_command(*str(name).split(), *arguments)  # type: ignore[no-untyped-call]

    async def says(self, *command: str | int) -> Any:
        """What it answers, or None when it does not."""
        try:
            return await self.do(*command)
        except (RedisError, OSError):
            return None

    def _signal(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    async def _listens(self) -> bool:
        return bool(await self.says("PING"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A Redis of some kind that runs."""

    url: str
    servers: tuple[Server, ...]
    """Those that hold data: a shard's first master, or its replica."""
    sentinels: tuple[Server, ...] = ()

    @property
    def fails_over(self) -> bool:
        """Whether another takes the place of a master that is gone."""
        return len(self.servers) > 1

    async def master(self, shard: int = 0) -> Server:
        """Who serves the shard's keys now."""
        key = Shard(shard).prefix
        if self.sentinels:
            _, port = await self.sentinels[0].do("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)
            return next(server for server in self.servers if server.port == int(port))
        for server in self.servers:
            role = await server.says("ROLE")
            if role and role[0] == "master" and await self._holds(server, key):
                return server
        raise LookupError(f"nobody serves {key}")

    async def kill_master(self, shard: int = 0) -> Server:
        """kill -9 for the one that serves the shard; returns it."""
        master = await self.master(shard)
        master.kill()
        return master

    async def hand_over(self, shard: int = 0) -> None:
        """Let a replica take the master's place, with nobody dead."""
        port = (await self.master(shard)).port

        async def accepted() -> bool:
            if self.sentinels:
                return bool(await self.sentinels[0].says("SENTINEL FAILOVER", SERVICE))
            roles = [(server, await server.do("ROLE")) for server in self.servers]
            replica = next(server for server, role in roles if role[0] == "slave" and role[2] == port)
            return bool(await replica.says("CLUSTER FAILOVER"))

        await wait_for(accepted, "no replica is good enough", 10, 0.2)

    async def settle(self) -> None:
        """Wait until everybody lives and knows its part: each master has its replica."""
        await wait_for(self._settled, "the servers do not agree", 30)

    async def _settled(self) -> bool:
        roles = [await server.says("ROLE") for server in self.servers]
        infos = [await server.says("CLUSTER INFO") or "cluster_state:ok" for server in self.servers]
        following = [role for role in roles if role and role[0] == "slave" and role[3] == "connected"]
        leading = [role for role in roles if role and role[0] == "master"]
        agreed = all("cluster_state:ok" in info for info in infos)
        return agreed and len(leading) + len(following) == len(roles) and len(following) == len(roles) // 2

    async def _holds(self, server: Server, key: str) -> bool:
        slots = await server.says("CLUSTER SLOTS")  # None: no cluster
        ranges = [(first, last) for first, last, (_, port, *_), *_ in slots or () if port == server.port]
        return slots is None or any(first <= key_slot(key.encode()) <= last for first, last in ranges)


@asynccontextmanager
async def single(directory: Path, *, appendonly: bool = False, appendfsync: str = "everysec") -> AsyncIterator[Kind]:
    """One server."""
    persistence = ("--appendonly", "yes" if appendonly else "no", "--appendfsync", appendfsync, "--save", "")
    async with _running([Server(directory, (*persistence, "--enable-protected-configs", "yes"))]) as (server,):
        yield Kind(f"redis://127.0.0.1:{server.port}/0", (server,))


@asynccontextmanager
async def sentinel(directory: Path) -> AsyncIterator[Kind]:
    """A master and its replica, and three Sentinels that agree on who is who."""
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
        return bool((await replica.do("ROLE"))[3] == "connected")

    async def agreed() -> bool:
        answers = [await watcher.says("SENTINEL MASTER", SERVICE) or [] for watcher in watchers]
        states = [dict(zip(answer[::2], answer[1::2], strict=True)) for answer in answers]
        return all(one.get("num-slaves") == "1" and one.get("num-other-sentinels") == "2" for one in states)

    async with _running([master, replica]):
        await wait_for(replicated, "the replica does not follow", 30)  # or else the Sentinels find it late
        async with _running(watchers):
            await wait_for(agreed, "the Sentinels do not agree", 30)
            for watcher in watchers:  # by themselves they take 10 s to notice a master that came back
                await watcher.do("SENTINEL DEBUG", "info-period", 500, "publish-period", 250)
            hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
            yield Kind(f"redis+sentinel://{hosts}/{SERVICE}", (master, replica), tuple(watchers))


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[Kind]:
    """Three masters, each with a replica."""
    options = (
        "--appendonly",
        "no",
        "--save",
        "",
        "--cluster-enabled",
        "yes",
        "--repl-diskless-sync-delay",
        "0",
        "--cluster-node-timeout",
        str(NODE_TIMEOUT_MS),
    )
    buses = [free_port() for _ in range(6)]
    nodes = [Server(directory / str(n), (*options, "--cluster-port", str(bus))) for n, bus in enumerate(buses)]
    masters, replicas = nodes[:3], nodes[3:]

    async def agreed() -> bool:
        for node in nodes:
            info = await node.says("CLUSTER INFO") or ""
            slots = await node.says("CLUSTER SLOTS") or []
            if "cluster_state:ok" not in info or [len(slot) for slot in slots] != [4, 4, 4]:
                return False
        return all([(await replica.do("ROLE"))[3] == "connected" for replica in replicas])

    async def acquainted() -> bool:
        return all(["cluster_known_nodes:6" in await node.do("CLUSTER INFO") for node in nodes])

    async with _running(nodes):
        for number, node in enumerate(nodes):
            await node.do("CLUSTER SET-CONFIG-EPOCH", number + 1)
            await node.do("CLUSTER MEET", "127.0.0.1", nodes[0].port, buses[0])
        for number, master in enumerate(masters):
            first, last = number * 16_384 // 3, (number + 1) * 16_384 // 3 - 1
            await master.do("CLUSTER ADDSLOTSRANGE", first, last)
        await wait_for(acquainted, "the nodes do not know each other", 30)
        for master, replica in zip(masters, replicas, strict=True):
            await replica.do("CLUSTER REPLICATE", await master.do("CLUSTER MYID"))
        await wait_for(agreed, "the nodes do not agree", 30)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        yield Kind(f"redis+cluster://{hosts}", tuple(nodes))


@asynccontextmanager
async def _running(servers: Sequence[Server]) -> AsyncIterator[Sequence[Server]]:
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
