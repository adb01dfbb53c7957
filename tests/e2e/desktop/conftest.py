"""A system that knows voices, and two speakers for it: the first one is enrolled as Anna."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from backend.local.system import System, running
from tests.testkit.audio.clips import Clip, clips_of, with_pauses
from tests.testkit.audio.media_files import encode
from tests.testkit.cli import silent
from tests.testkit.system.plans import voice_plan

ENROLLED, OTHER = "ls2609", "ls2033"


@pytest.fixture
async def voice_system(
    whisper_tiny: Path, artifacts: Path, shared_folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[System]:
    logs = artifacts / f"logs-{request.path.stem}"
    async with running(voice_plan(logs, whisper_tiny, shared_folder), silent) as system:
        yield system


def in_turn() -> list[Clip]:
    """Two clips of each of the two speakers, beginning with the one who is not enrolled."""
    return [clip for pair in zip(clips_of(OTHER)[:2], clips_of(ENROLLED)[:2], strict=True) for clip in pair]


def encoded(clips: Sequence[Clip], path: Path) -> Path:
    """Write a recording of clips with a second of silence after each."""
    return encode(path, with_pauses(clips))


async def enrol(url: str, name: str, recording: bytes) -> None:
    async with httpx.AsyncClient(timeout=120) as http:
        query = {"name": name, "consent": "true", "language": "en"}
        answer = await http.post(f"{url}/v1/speakers", params=query, content=recording)
    assert answer.status_code == 201, answer.text
