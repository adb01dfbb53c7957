"""Cut a gateway off from Redis while a client speaks, and check every final: `python -m tests.chaos.partition`.

Each way to lose packets (requests, answers, both) has its own client and its own gateway, which reaches Redis through a
proxy that holds the data back. A second gateway keeps its connection; clients may resume there.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import httpx
import numpy as np
from numpy.typing import NDArray

from backend.load.driver import drive_session
from backend.local.discovery import stream_url
from backend.local.processes import Service, free_port, wait_for
from backend.local.system import System, running
from backend.messages.protocol import Start
from tests.chaos.checks import Checks, differences
from tests.testkit.audio.reference import segment
from tests.testkit.audio.voices import voices
from tests.testkit.cli import silent
from tests.testkit.servers.fault_proxy import FaultProxy
from tests.testkit.session import ClientLedger
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

LOST: dict[str, Mapping[str, bool]] = {"both": {}, "requests": {"to_client": False}, "answers": {"to_target": False}}
BEGIN_S = 8.0


async def partition(seconds: float, logs: Path) -> dict[str, tuple[int, list[str]]]:
    """Lose packets for `seconds`. Returns the number of reconnects and what is wrong, by what was lost."""
    audio = voices(len(LOST), seconds + 30)
    async with running(system_plan(logs, environment=NO_LOAD_LIMIT), silent) as system:
        work = [_speak(system, lost, seconds, audio[n], logs) for n, lost in enumerate(LOST)]
        return dict(zip(LOST, await asyncio.gather(*work), strict=True))


async def _speak(
    system: System, lost: str, seconds: float, audio: NDArray[np.int16], logs: Path
) -> tuple[int, list[str]]:
    redis = httpx.URL(system.redis_url)
    async with FaultProxy("127.0.0.1", redis.port or 6379) as proxy, asyncio.TaskGroup() as tasks:
        environment = {**NO_LOAD_LIMIT, "REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}
        environment["GATEWAY_PORT"] = str(port := free_port())
        command = (sys.executable, "-m", "gateway.gateway")
        gateway = Service(f"gateway-{lost}", command, environment, logs / f"gateway-{lost}.log", 0.5)
        tasks.create_task(gateway.keep_running())
        await wait_for(lambda: _is_ready(port), "the gateway does not start", 60, 0.2)
        tasks.create_task(_lose(proxy, lost, seconds))
        urls = [stream_url(f"http://127.0.0.1:{port}"), stream_url(system.urls[0])]
        ledger = await drive_session(urls, Start(language="en"), ClientLedger.for_audio(audio))
        await gateway.stop()
    return ledger.reconnects, differences(ledger, segment(ledger.pcm), Checks(log=False))


async def _is_ready(port: int) -> bool:
    async with httpx.AsyncClient() as http:
        try:
            return (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


async def _lose(proxy: FaultProxy, lost: str, seconds: float) -> None:
    await asyncio.sleep(BEGIN_S)
    proxy.stall(**LOST[lost])
    await asyncio.sleep(seconds)
    proxy.flow()


@click.command()
@click.option("--seconds", default=30.0, help="How long packets are lost.")
@click.option("--logs", type=click.Path(path_type=Path), default=Path("artifacts/partition"))
def main(seconds: float, logs: Path) -> None:
    """Print what each client noticed. The exit status is 1 if a final is missing, doubled or wrong."""
    results = asyncio.run(partition(seconds, logs))
    for lost, (reconnects, wrong) in results.items():
        print(f"{seconds:.0f} s without {lost}: {reconnects} reconnects, {len(wrong)} wrong {wrong[:3]}")
    sys.exit(any(wrong for _, wrong in results.values()))


if __name__ == "__main__":
    main()
