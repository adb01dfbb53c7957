"""Restart every container while sessions speak, and compare what was sent and received: `make rolling`.

Build the images first (`make containers`). The tool starts the committed compose file with two containers of each
service behind the proxy. First it sends clips through the proxy. Then sessions speak in real time while one container
after the other is stopped, as an upgrade does, and started again.
"""

import asyncio
import json
import os
import shutil
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
from backend.local.discovery import stream_url
from backend.local.models import speech_model, translation_models
from backend.local.processes import free_port, wait_for
from backend.text.edits import WordErrors
from tests.chaos.storm import STORM_SETTINGS, Options, compare, describe, speak_in_parallel
from tests.paths import INFRA
from tests.testkit import cli
from tests.testkit.audio.clips import available_clips
from tests.testkit.audio.voices import voices
from tests.testkit.session import ClientLedger, read_session_log, speak

COMPOSE_FILE = INFRA / "compose.yaml"
PROJECT = "nova-rolling"
SERVICES = ("gateway", "stt_worker", "translation_worker", "proxy", "redis")  # in the order of their restarts
STOP_S = 30  # stop_grace_period in compose.yaml: then the container is killed
READY_S = 120.0
MAX_CLIPS = 8


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine, Docker or Podman, and its compose program."""

    program: str
    compose: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str) -> str:
        """Run a command and return its output. Raises SetupError with its error output if it fails."""
        process = await asyncio.create_subprocess_exec(
            *arguments,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise SetupError(f"{' '.join(arguments)}: {errors.decode(errors='replace').strip()[-2000:]}")
        return output.decode()

    async def containers(self, service: str) -> list[str]:
        """Names of the containers of a service, sorted."""
        labels = ("project=" + PROJECT, "service=" + service)
        filters = [part for label in labels for part in ("--filter", f"label=com.docker.compose.{label}")]
        return sorted((await self.run(self.program, "ps", "--format", "{{.Names}}", *filters)).split())

    async def inspect(self, container: str) -> Any:
        return json.loads(await self.run(self.program, "inspect", container))[0]

    async def ready(self, container: str) -> bool:
        """Whether the container's health check passes. It is run here, because Podman without systemd never runs it."""
        kind, *test = (await self.inspect(container))["Config"]["Healthcheck"]["Test"]
        command = test if kind == "CMD" else ["sh", "-c", *test]
        try:
            await self.run(self.program, "exec", container, *command)
        except SetupError:
            return False
        return True

    async def restart(self, container: str) -> tuple[float, float]:
        """Stop and start a container as an upgrade does. Returns the seconds that stopping and starting took."""
        began = time.monotonic()
        await self.run(self.program, "stop", "--time", str(STOP_S), container)
        stopped = time.monotonic()
        await self.run(self.program, "start", container)
        await wait_for(lambda: self.ready(container), f"{container} did not become ready", READY_S, 0.5)
        return stopped - began, time.monotonic() - stopped

    async def address(self, service: str) -> str:
        """IP address of the first container of a service."""
        networks = (await self.inspect((await self.containers(service))[0]))["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])


async def find_engine(environment: Mapping[str, str]) -> Engine:
    """Docker if it runs, otherwise Podman. Raises SetupError if there is neither."""
    docker = Engine("docker", ("docker", "compose"), environment)
    try:
        await docker.run("docker", "info")
    except (SetupError, FileNotFoundError):
        if shutil.which("podman") and shutil.which("podman-compose"):
            return Engine("podman", ("podman-compose",), environment)
        raise SetupError("Docker is not running, and podman or podman-compose is not on PATH") from None
    return docker


def overrides(model: str, translation: str) -> dict[str, object]:
    """A compose file on top of compose.yaml: models of this machine, and the settings of a storm."""
    common = {**STORM_SETTINGS, "NOVA_SHARDS": "1"}
    stt: dict[str, object] = {"environment": {**common, "STT_MODEL": "null", "STT_NULL_COST": "0.05"}}
    if model != "null":
        stt = {"environment": {**common, "STT_MODEL": "/own/speech"}, "volumes": [f"{model}:/own/speech:ro"]}
    environment = {**common, "TRANSLATION_MODELS": "/own/opus-zh-en"}
    translating = {"environment": environment, "volumes": [f"{translation}:/own/opus-zh-en:ro"]}
    workers = {"stt_worker": stt, "translation_worker": translating}
    return {"services": {"gateway": {"environment": common}, **workers, "models": {"command": ["true"]}}}


@asynccontextmanager
async def compose_system(model: str, progress: cli.Progress) -> AsyncIterator[tuple[Engine, str]]:
    """Two containers of each service of compose.yaml, all ready. Yields the engine and the proxy's URL."""
    address = f"127.0.0.1:{free_port()}"
    counts = {"GATEWAYS": "2", "STT_WORKERS": "2", "TRANSLATION_WORKERS": "2"}
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        override_file = Path(directory) / "overrides.json"
        override_file.write_text(json.dumps(overrides(speech_model(model), translation_models("opus-zh-en"))))
        engine = await find_engine({**counts, "NOVA_LISTEN": address, "GATEWAY_AUTH": "none"})
        files = ("--file", str(COMPOSE_FILE), "--file", str(override_file))
        compose = (*engine.compose, *files, "--project-name", PROJECT)
        try:
            await engine.run(*compose, "up", "--detach", "--no-build")
            for service in SERVICES:
                names = await engine.containers(service)
                progress(f"{service}: {', '.join(names) or 'no container'}")
                for name in names:
                    await wait_for(partial(engine.ready, name), f"{name} is not ready", READY_S, 0.5)
            await wait_for(lambda: _answers(address), "the proxy does not answer", READY_S, 0.5)
            yield engine, f"http://{address}"
        finally:
            await engine.run(*compose, "down", "--volumes")


async def _answers(address: str) -> bool:
    async with httpx.AsyncClient(timeout=2.0) as client:
        try:
            return (await client.get(f"http://{address}/health")).is_success
        except httpx.HTTPError:
            return False


async def transcribe_clips(url: str, progress: cli.Progress) -> None:
    """Send real speech through the proxy, and print transcripts, the word error rate and a translation."""
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        clips = available_clips(Path(directory))
        english = [clip for clip in clips if clip.language == "en" and clip.kind == "utt"][:MAX_CLIPS]
        errors = WordErrors("en")
        for clip in english:
            text = (await speak(url, clip.pcm(), language="en")).text()
            errors.add(clip.text, text)
            progress(f"transcript: {text}")
        progress(f"{len(english)} English clips, {errors.words} words: word error rate {errors.percent:.1f} %")
        for clip in [clip for clip in clips if clip.language == "zh"][:1]:
            ledger = await speak(url, clip.pcm(), language="zh", translate_to=("en",))
            progress(f"transcript: {ledger.text()}")
            progress(f"translation: {ledger.translation('en')}")


async def restart_all(
    engine: Engine, url: str, options: Options, pause_s: float, progress: cli.Progress
) -> list[ClientLedger]:
    """Restart every container while sessions speak. Raises SetupError if the sessions ended before the last restart."""
    audio = voices(options.sessions, 60 * options.minutes, options.start(0).language, options.seed)
    restarted: Counter[str] = Counter()
    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(speak_in_parallel([stream_url(url)], audio, options.start, stagger_s=0.0))
        began = time.monotonic()
        await asyncio.sleep(pause_s)
        for service in SERVICES:
            for container in await engine.containers(service):
                stop_s, ready_s = await engine.restart(container)
                restarted[service] += 1
                progress(f"restarted {container}: stopped after {stop_s:.1f} s, ready after another {ready_s:.1f} s")
                await asyncio.sleep(pause_s)
        spent_s = time.monotonic() - began
        progress(f"restarted {restarted.total()} containers in {spent_s:.0f} s")
    if spent_s > 60 * options.minutes:
        raise SetupError("the sessions ended before the last restart: use more --minutes")
    redis_url = f"redis://{await engine.address('redis')}:6379/0"
    for ledger in speaking.result():
        ledger.logged = await read_session_log(redis_url, ledger.session, 1)
    return speaking.result()


async def rolling(options: Options, pause_s: float, progress: cli.Progress) -> list[ClientLedger]:
    """Start the system, send clips unless the model is `null`, then restart all containers. Returns the sessions."""
    async with compose_system(options.model, progress) as (engine, url):
        if options.model != "null":
            await transcribe_clips(url, progress)
        return await restart_all(engine, url, options, pause_s, progress)


@click.command()
@cli.minutes_option(4.0)
@cli.sessions_option(10)
@cli.model_option("base")
@click.option("--pause", "pause_s", default=3.0, show_default=True, help="Seconds between two restarts.")
@cli.seed_option
@cli.json_option
def main(minutes: float, sessions: int, model: str, pause_s: float, seed: int, json_file: Path | None) -> None:
    """Restart every container while sessions speak. Exits with 1 if a result is lost, duplicated or mixed up."""
    options = Options(minutes=minutes, sessions=sessions, model=model, redis="aof", seed=seed)
    report = compare(options, asyncio.run(rolling(options, pause_s, cli.progress())), Counter())
    cli.finish(report, describe(report), json_file)


if __name__ == "__main__":
    main()
