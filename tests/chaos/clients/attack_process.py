"""One attack in a process of its own, so that it takes no time from the measuring process.

`python -m tests.chaos.clients.attack_process HOST PORT NAME` waits for a line on stdin, then attacks until it is
killed.
"""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from backend.service.lifecycle import raise_open_file_limit
from tests.chaos.clients.attack_shapes import Attack, Target
from tests.chaos.clients.attacks import ATTACKS


async def idle(_: Target) -> None:
    """Do nothing. Shows how much the figures of the machine itself vary."""
    await asyncio.Event().wait()


async def busy(_: Target) -> None:
    """Use a core without a connection. Shows what the time that an attacker needs costs on the same machine."""
    while True:
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            pass
        await asyncio.sleep(0)


CONTROLS: Mapping[str, Attack] = {"(idle control)": idle, "(busy control)": busy}
ALL: Mapping[str, Attack] = {**CONTROLS, **ATTACKS}


class AttackProcess:
    """The process of one attack, ready to begin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def begin(self) -> None:
        """Begin the attack. It ends with the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"begin\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def attack_process(target: Target, name: str) -> AsyncIterator[AttackProcess]:
    """The process of the attack `name`. It is killed at the end of the block."""
    command = ("-m", __spec__.name, target.host, str(target.port), name)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield AttackProcess(process)
    finally:
        process.kill()
        await process.wait()


def _main(host: str, port: str, name: str) -> None:
    os.nice(19)  # the lowest priority: the gateway must not wait for this process
    raise_open_file_limit()
    print("ready", flush=True)
    if sys.stdin.readline():
        asyncio.run(ALL[name](Target(host, int(port))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
