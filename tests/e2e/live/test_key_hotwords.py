"""Hotwords of an API key with real speech and the real model, for names that Whisper base writes wrongly alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.local.system import System, running
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.command import nova
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

CLIP = "ls-2033-164914-0005"
NAMES = ("Zau", "Makan")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def guarded(whisper_base: Path, artifacts: Path) -> AsyncIterator[System]:
    environment = {"GATEWAY_AUTH": "keys", **NO_LOAD_LIMIT}
    plan = system_plan(artifacts / "key-hotwords", stt_model=str(whisper_base), environment=environment)
    async with running(plan, silent) as system:
        yield system


async def transcribed(system: System, clip: Clip) -> str:
    options = ("--server", system.urls[0], "--key", system.key, "--language", "en")
    done = await asyncio.to_thread(nova, "transcribe", clip.path, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_all_sessions_of_a_key_expect_its_names(
    guarded: System, speech_clips: list[Clip], artifacts: Path, tmp_path: Path
) -> None:
    clip = next(clip for clip in speech_clips if clip.id == CLIP)
    before = await transcribed(guarded, clip)
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES), encoding="utf-8")
    stored = ("keys", "hotwords", guarded.key.split("_")[1], "--file", names, "--redis-url", guarded.redis_url)
    assert (await asyncio.to_thread(nova, *stored)).stdout == "Zau, Makan\n"
    after = await transcribed(guarded, clip)
    print(before, after)
    assert [name for name in NAMES if name in before] == []
    assert [name for name in NAMES if name in after] == list(NAMES)
    written = "".join(log.read_text(encoding="utf-8") for log in (artifacts / "key-hotwords").glob("*.log"))
    assert written
    assert [name for name in NAMES if name in written] == []
