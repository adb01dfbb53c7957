"""Sessions survive while the slots of their shards move to another master of the cluster."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle

import pytest
from redis.crc import key_slot

from backend.local.processes import wait_for
from backend.streams.names import Shard
from tests.conftest import run_in_thread
from tests.testkit.streams.live_sessions import SHARDS, busy_sessions
from tests.testkit.system.redis_servers import RedisServers, Server, cluster

RESUMED_WITHIN_S = 10.0
# Seconds between two keys, so that gateways and workers use the slot while it is divided between two masters.
PAUSE_S = 0.02

Migration = Callable[[RedisServers, Server, Server, int], Awaitable[int]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    """A cluster of three masters with a replica each."""
    with run_in_thread(cluster(tmp_path_factory.mktemp("redis"))) as up:
        yield up


async def move_keys(servers: RedisServers, source: Server, target: Server, slot: int) -> int:
    """Move a slot key by key, as `redis-cli --cluster reshard` does. Returns the number of moved keys."""
    source_id, target_id = [await server.command("CLUSTER MYID") for server in (source, target)]
    await target.command("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
    await source.command("CLUSTER SETSLOT", slot, "MIGRATING", target_id)
    moved = 0
    while keys := await source.command("CLUSTER GETKEYSINSLOT", slot, 1):
        # "NOKEY": the key has been deleted meanwhile.
        moved += await source.command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 2_000) == "OK"
        await asyncio.sleep(PAUSE_S)
    for server in (target, source):
        await server.command("CLUSTER SETSLOT", slot, "NODE", target_id)
    return moved


async def move_slot(servers: RedisServers, source: Server, target: Server, slot: int) -> int:
    """Move a slot in one step with the command of Valkey 9. Returns the number of keys."""
    target_id = await target.command("CLUSTER MYID")
    keys = int(await source.command("CLUSTER COUNTKEYSINSLOT", slot))
    await source.command("CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target_id)

    async def moved() -> bool:
        return int(await target.command("CLUSTER COUNTKEYSINSLOT", slot)) > 0 and await servers.serves(target, slot)

    await wait_for(moved, "the slot has not moved", 10, 0.05)
    return keys


@pytest.mark.parametrize("migrate", [move_keys, move_slot])
async def test_every_final_is_delivered_once_while_slots_move(opened: RedisServers, migrate: Migration) -> None:
    await opened.settle()
    masters = [server for server in opened.servers if (await server.command("ROLE"))[0] == "master"]
    targets = cycle(masters)
    async with busy_sessions(opened) as busy:
        moved = []
        for number in range(SHARDS):
            source = await opened.master(number)
            target = next(master for master in targets if master is not source)
            moved.append(await migrate(opened, source, target, key_slot(Shard(number).prefix.encode())))
        took_s = await busy.recovered(time.monotonic())
    print(f"keys {moved}, resumed after {took_s:.1f} s")
    assert all(count >= len(busy.sessions) / SHARDS for count in moved)
    assert took_s < RESUMED_WITHIN_S
