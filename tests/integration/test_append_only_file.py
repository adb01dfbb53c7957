"""A Redis keeps what is in its append-only file, and sessions lose no final when the file or the disk fails."""

import asyncio
import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.local.processes import redis_binary
from backend.service.settings import ServiceSettings
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS
from backend.streams.redis_job_streams import RedisJobStreams
from tests.testkit.streams.jobs import PCM, job
from tests.testkit.streams.live_sessions import busy_sessions
from tests.testkit.streams.on_redis import opened
from tests.testkit.system.redis_servers import RedisServers, Server, single

POLICIES = ("always", "everysec", "no")
RESUMED_WITHIN_S = 10.0
JOBS = 50


def newest_file(server: Server) -> Path:
    """The append-only file that the server writes to."""
    return max((server.directory / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)


def cut(file: Path) -> None:
    """Lose the end in the middle of a command, as when a machine loses power before the last block was written."""
    os.truncate(file, file.stat().st_size - 300)


def fill(file: Path) -> None:
    """Add a block of zeros, as some file systems do when the size was written before the data."""
    with file.open("ab") as end:
        end.write(bytes(4096))


def repair(file: Path) -> None:
    """Run `valkey-check-aof --fix`. The server is this program too, under another name."""
    program = file.parent / "valkey-check-aof"
    program.symlink_to(redis_binary())
    done = subprocess.run([program, "--fix", file], input=b"y\n", capture_output=True, check=True)
    assert b"Successfully truncated" in done.stdout
    program.unlink()


async def numbers(kind: RedisServers) -> list[int]:
    """The utterances whose jobs Redis has, in order."""
    async with client(kind.url) as redis:
        streams = RedisJobStreams(redis, ServiceSettings())
        entries: Any = await redis.xrange(streams.shard("s").audio("final"))
        return [int(fields[b"h"].split(b'"utterance":')[1].split(b",")[0].strip(b"}")) for _, fields in entries]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("damage", "lost"), [(None, 0), (cut, 3), (fill, 0)], ids=["whole", "cut", "zeros"])
async def test_a_killed_redis_loses_only_what_its_file_lacks(
    policy: str, damage: Callable[[Path], None] | None, lost: int, tmp_path: Path
) -> None:
    async with single(tmp_path, appendonly=True, appendfsync=policy) as kind:
        async with client(kind.url) as redis:
            lease = await opened(redis)
            for number in range(1, JOBS + 1):
                await lease.submit_audio(job(number), PCM[:100], early=False)
        server = await kind.kill_master()
        if damage:
            damage(newest_file(server))
        assert await start(server) == (damage is fill), "an incomplete command needs no repair, other bytes do"
        kept = await numbers(kind)
    assert kept == list(range(1, len(kept) + 1)), "the oldest jobs, without a gap"
    assert JOBS - lost <= len(kept) <= JOBS - (lost > 0)


async def start(server: Server) -> bool:
    """Start it. Repair its file if it refuses to start, and return whether that was necessary."""
    repaired = False
    server.spawn()
    while not await server.try_command("PING"):
        assert server.process
        if server.process.poll() is not None:
            assert "Bad file format" in (server.directory / "log").read_text()
            repair(newest_file(server))
            server.spawn()
            repaired = True
        await asyncio.sleep(0.02)
    return repaired


@pytest.mark.parametrize("policy", POLICIES)
async def test_every_final_is_delivered_once_when_the_end_of_the_file_is_lost(policy: str, tmp_path: Path) -> None:
    async with single(tmp_path, appendonly=True, appendfsync=policy) as kind, busy_sessions(kind) as busy:
        began = time.monotonic()
        server = await kind.kill_master()
        os.truncate(newest_file(server), newest_file(server).stat().st_size // 2)
        await start(server)
        took_s = await busy.recovered(began)
    print(f"{policy}: resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


async def test_what_always_acknowledges_is_on_the_disk(tmp_path: Path) -> None:
    async with single(tmp_path, appendonly=True, appendfsync="always") as kind, client(kind.url) as redis:
        lease = await opened(redis)
        for number in range(1, 20):
            await lease.submit_audio(job(number), PCM, early=False)
            # The client has one connection, so this is about the write above. It waits for 1 ms at most.
            assert await redis.execute_command("WAITAOF", 1, 0, 1) == [1, 0]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("policy", ["everysec", "no"])
async def test_every_final_is_delivered_once_when_the_disk_is_full_for_some_time(policy: str, tmp_path: Path) -> None:
    """A limit on the size of files makes writes fail (EFBIG) as a full disk does (ENOSPC)."""
    async with single(tmp_path, appendonly=True, appendfsync=policy) as kind, busy_sessions(kind) as busy:
        (server,) = kind.servers
        assert server.process
        limit_file_size(server.process.pid, newest_file(server).stat().st_size)
        await asyncio.sleep(1.5)
        with pytest.raises(REDIS_ERRORS, match="MISCONF"):
            await server.command("SET", "key", "value")
        limit_file_size(server.process.pid, resource.RLIM_INFINITY)
        took_s = await busy.recovered(time.monotonic())
    print(f"{policy}: resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


async def test_every_final_is_delivered_once_when_a_full_disk_ends_a_redis_that_always_writes(tmp_path: Path) -> None:
    async with single(tmp_path, appendonly=True, appendfsync="always") as kind, busy_sessions(kind) as busy:
        (server,) = kind.servers
        assert server.process
        limit_file_size(server.process.pid, newest_file(server).stat().st_size)
        assert await asyncio.to_thread(server.process.wait, 5) != 0, "it must not acknowledge what it cannot write"
        began = time.monotonic()
        await start(server)
        took_s = await busy.recovered(began)
    print(f"always: resumed after {took_s:.1f} s")
    assert took_s < RESUMED_WITHIN_S


def limit_file_size(process: int, size: int) -> None:
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
