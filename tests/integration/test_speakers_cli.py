"""`nova speakers` with a real gateway, whose voices are in a real Redis."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result
from redis.asyncio import Redis

from backend.cli.speakers import commands
from backend.errors import NovaError
from backend.local.processes import free_port
from backend.messages.voices.profiles import VoiceProfile
from backend.streams.access.voice_profiles import VoiceProfiles
from gateway.gateway import build
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings

CREATED, EXPIRES = 1_790_000_000, 4_000_000_000


def profile(name: str) -> VoiceProfile:
    figures = {"samples": 3, "seconds": 12.5, "similarity": 0.81, "threshold": 0.5, "short_threshold": 0.45}
    return VoiceProfile(name=name, embedding="AAAA", consent=True, created=CREATED, expires=EXPIRES, **figures)


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[str]:
    """A gateway in this process, where Anna and Ben are enrolled."""
    settings = GatewaySettings(REDIS_URL=redis_url, port=free_port())
    uvicorn_server = uvicorn.Server(
        uvicorn.Config(build(GatewayServices.create(settings)), port=settings.port, log_config=None, access_log=False)
    )
    for name in ("Anna", "Ben"):
        await VoiceProfiles(redis, limit=5).store("", profile(name))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(uvicorn_server.serve())
        while not uvicorn_server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{settings.port}"
        uvicorn_server.should_exit = True


async def speakers(server: str, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, commands.speakers, [*arguments, "--server", server])


async def test_voices_are_listed_as_a_table_and_as_json(server: str) -> None:
    table = (await speakers(server, "list")).output
    assert [line.split()[0] for line in table.splitlines() if "12.5" in line] == ["Anna", "Ben"]
    assert "2096-10-02" in table
    listed = json.loads((await speakers(server, "list", "--json")).stdout)
    assert [(one["name"], one["samples"], one["expires"]) for one in listed] == [
        ("Anna", 3, EXPIRES),
        ("Ben", 3, EXPIRES),
    ]
    assert all("embedding" not in one for one in listed)


async def test_an_export_contains_everything_that_is_stored(server: str) -> None:
    exported = json.loads((await speakers(server, "export", "Anna")).stdout)
    assert exported == profile("Anna").model_dump()


async def test_removed_voices_are_gone_and_unknown_ones_are_reported(server: str) -> None:
    result = await speakers(server, "remove", "Anna", "Carla")
    assert result.exit_code == 1
    assert "1 removed." in result.output
    assert "Carla" in result.output
    assert "Anna" not in (await speakers(server, "list")).output
    assert (await speakers(server, "remove", "Ben")).exit_code == 0
    assert "No speakers." in (await speakers(server, "list")).output


async def test_a_voice_is_enrolled_only_with_consent_and_a_name_that_is_no_number(server: str, tmp_path: Path) -> None:
    file = tmp_path / "anna.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setparams((1, 2, 16_000, 0, "NONE", ""))
        wav.writeframes(bytes(32_000))
    without = await speakers(server, "enrol", "Anna", str(file))
    assert without.exit_code == 2
    assert "--consent" in without.output
    number = await speakers(server, "enrol", "7", str(file), "--consent")
    assert number.exit_code == 2
    assert "number" in number.output
    unavailable = await speakers(server, "enrol", "Anna", str(file), "--consent")
    assert isinstance(unavailable.exception, NovaError), "no worker is running"
    assert "Ben" in (await speakers(server, "list")).output


async def test_a_server_that_does_not_answer_is_named() -> None:
    result = await speakers(f"http://127.0.0.1:{free_port()}", "list")
    assert isinstance(result.exception, NovaError)
    assert "no Nova Voice server answers at ws://127.0.0.1" in result.exception.message
