"""A rolling restart of every container while sessions speak, and the sums: `make rolling`, behind `make containers`.

The images under the committed compose file, two of each service behind the proxy. First clips go through the door, as a
user's would; then sessions speak in real time while one container after the other is stopped, as an upgrade stops it,
and started again; then what each session heard is reckoned as after a storm.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import httpx

from backend.errors import SetupError
from backend.local.models import speech_model, translation_models
from backend.local.processes import free_port, wait_for
from backend.text.edits import WordErrors
from tests.chaos.ledger import Account
from tests.chaos.process_killer import Tell
from tests.chaos.speakers import converse, logged, voices
from tests.chaos.storm import PATIENT, Options, describe, reckon
from tests.paths import INFRA, SHARED
from tests.testkit.audio.clips import shared_clips, spoken_clips
from tests.testkit.session import speak, stream_url

FILE = INFRA / "compose.yaml"
PROJECT = "nova-rolling"
SERVICES = ("gateway", "stt_worker", "translation_worker", "proxy", "redis")
"""In the order in which they are restarted."""
STOP_S = 30
"""How long a container may take to stop before it is killed, as compose.yaml has it."""
READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs containers, and what makes them from a compose file."""

    program: str
    compose: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str) -> str:
        """What it printed. Raises SetupError, with its words, when it fails."""
        process = await asyncio.create_subprocess_exec(
            *arguments,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, words = await process.communicate()
        if process.returncode:
            raise SetupError(f"{' '.join(arguments)}: {words.decode(errors='replace').strip()[-2000:]}")
        return out.decode()

    async def containers(self, service: str) -> list[str]:
        """Names of a service's containers, the first first."""
        wanted = ("project=" + PROJECT, "service=" + service)
        filters = [part for label in wanted for part in ("--filter", f"label=com.docker.compose.{label}")]
        return sorted((await self.run(self.program, "ps", "--format", "{{.Names}}", *filters)).split())

    async def inspect(self, container: str) -> Any:
        """All that is known of a container."""
        return json.loads(await self.run(self.program, "inspect", container))[0]

    async def ready(self, container: str) -> bool:
        """Whether its own health check says so. Asked here, because podman without systemd asks by itself never."""
        kind, *test = (await self.inspect(container))["Config"]["Healthcheck"]["Test"]
        command = test if kind == "CMD" else ["sh", "-c", *test]
        try:
            await self.run(self.program, "exec", container, *command)
        except SetupError:
            return False
        return True

    async def restart(self, container: str) -> tuple[float, float]:
        """Stop it as an upgrade does and start it again. Seconds until it stood still, and until it was ready."""
        began = time.monotonic()
        await self.run(self.program, "stop", "--time", str(STOP_S), container)
        stopped = time.monotonic()
        await self.run(self.program, "start", container)
        await wait_for(lambda: self.ready(container), f"{container} did not become ready", READY_S, 0.5)
        return stopped - began, time.monotonic() - stopped

    async def address(self, service: str) -> str:
        """Of a service's first container, from this machine."""
        networks = (await self.inspect((await self.containers(service))[0]))["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])


async def engine(environment: Mapping[str, str]) -> Engine:
    """Docker where one runs, else podman. Raises SetupError where there is neither."""
    docker = Engine("docker", ("docker", "compose"), environment)
    try:
        await docker.run("docker", "info")
    except (SetupError, FileNotFoundError):
        if shutil.which("podman") and shutil.which("podman-compose"):
            return Engine("podman", ("podman-compose",), environment)
        raise SetupError("no Docker runs here, and podman or podman-compose is not on PATH") from None
    return docker


def additions(model: str, translation: str) -> dict[str, object]:
    """What is laid over compose.yaml: the models of this machine, and the patience of a storm."""
    patience = {**PATIENT, "NOVA_SHARDS": "1"}
    stt: dict[str, object] = {"environment": {**patience, "STT_MODEL": "null", "STT_NULL_COST": "0.05"}}
    if model != "null":
        stt = {"environment": {**patience, "STT_MODEL": "/own/speech"}, "volumes": [f"{model}:/own/speech:ro"]}
    return {
        "services": {
            "gateway": {"environment": patience},
            "stt_worker": stt,
            "translation_worker": {
                "environment": {**patience, "TRANSLATION_MODELS": "/own/opus-zh-en"},
                "volumes": [f"{translation}:/own/opus-zh-en:ro"],
            },
            "models": {"command": ["true"]},
        }
    }


@asynccontextmanager
async def composed(model: str, tell: Tell) -> AsyncIterator[tuple[Engine, str]]:
    """The system from compose.yaml, two of each service, every container ready; and the address of its door."""
    address = f"127.0.0.1:{free_port()}"
    counts = {"GATEWAYS": "2", "STT_WORKERS": "2", "TRANSLATION_WORKERS": "2"}
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        over = Path(directory) / "additions.json"
        over.write_text(json.dumps(additions(speech_model(model), translation_models("opus-zh-en"))))
        run = await engine({**counts, "NOVA_LISTEN": address, "GATEWAY_AUTH": "none"})
        compose = (*run.compose, "--file", str(FILE), "--file", str(over), "--project-name", PROJECT)
        try:
            await run.run(*compose, "up", "--detach", "--no-build")
            for service in SERVICES:
                names = await run.containers(service)
                tell(f"{service}: {', '.join(names) or 'no container'}")
                for name in names:
                    await wait_for(partial(run.ready, name), f"{name} is not ready", READY_S, 0.5)
            await wait_for(lambda: _open(address), "nobody opens at the proxy's door", READY_S, 0.5)
            yield run, f"http://{address}"
        finally:
            await run.run(*compose, "down", "--volumes")


async def _open(address: str) -> bool:
    async with httpx.AsyncClient(timeout=2.0) as client:
        try:
            return (await client.get(f"http://{address}/health")).is_success
        except httpx.HTTPError:
            return False


async def clips(url: str, tell: Tell) -> None:
    """Real speech through the door, and a translation of it: what was heard is told."""
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        known = shared_clips(SHARED) if SHARED.is_dir() else spoken_clips(Path(directory))
        english = [clip for clip in known if clip.language == "en" and clip.kind == "utt"][:8]
        errors = WordErrors("en")
        for clip in english:
            heard = (await speak(url, clip.pcm(), language="en")).text
            errors.add(clip.text, heard)
            tell(f"heard: {heard}")
        tell(f"{len(english)} English clips, {errors.words} words: {errors.percent:.1f} % wrong")
        for clip in [clip for clip in known if clip.language == "zh"][:1]:
            said = await speak(url, clip.pcm(), language="zh", translate_to=("en",))
            tell(f"heard: {said.text}")
            tell(f"in English: {said.translation('en')}")


async def roll(run: Engine, url: str, options: Options, pause_s: float, tell: Tell) -> list[Account]:
    """Sessions that speak, and meanwhile a restart of every container. Raises SetupError when time was too short."""
    said = voices(options.sessions, 60 * options.minutes, options.start.language, options.seed)
    restarted: Counter[str] = Counter()
    async with asyncio.TaskGroup() as tasks:
        sessions = [tasks.create_task(converse([stream_url(url)], sent, options.start)) for sent in said]
        began = time.monotonic()
        await asyncio.sleep(pause_s)
        for service in SERVICES:
            for container in await run.containers(service):
                stop_s, ready_s = await run.restart(container)
                restarted[service] += 1
                tell(f"restarted {container}: stopped after {stop_s:.1f} s, ready again after {ready_s:.1f} s")
                await asyncio.sleep(pause_s)
        spent = time.monotonic() - began
        tell(f"restarted {restarted.total()} containers in {spent:.0f} s")
    if spent > 60 * options.minutes:
        raise SetupError("the sessions had ended before all was restarted: give more --minutes")
    accounts = [session.result() for session in sessions]
    for account in accounts:
        account.logged = await logged(f"redis://{await run.address('redis')}:6379/0", account, 1)
    return accounts


@click.command()
@click.option("--minutes", default=4.0, show_default=True, help="How long each session speaks.")
@click.option("--sessions", default=10, show_default=True)
@click.option("--model", default="base", show_default=True, help="A speech model, a name or directory, or null.")
@click.option("--pause", "pause_s", default=3.0, show_default=True, help="Seconds from one restart to the next.")
@click.option("--seed", default=0, show_default=True)
def main(minutes: float, sessions: int, model: str, pause_s: float, seed: int) -> None:
    """Restart every container while sessions speak; exit with 1 when anything is lost, doubled or mixed up."""
    options = Options(minutes=minutes, sessions=sessions, model=model, redis="aof", seed=seed)
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:7.1f} s  {line}", err=True)

    async def all_of_it() -> list[Account]:
        async with composed(model, tell) as (run, url):
            if model != "null":
                await clips(url, tell)
            return await roll(run, url, options, pause_s, tell)

    report = reckon(options, asyncio.run(all_of_it()), Counter())
    click.echo(describe(report))
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
