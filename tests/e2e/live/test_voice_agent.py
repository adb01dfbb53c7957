"""The programs of docs/howto/build-a-voice-agent.md, run as they are printed."""

import asyncio
import os
import sys
import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.discovery import stream_url
from backend.local.system import System
from tests.paths import FRONTEND, ROOT
from tests.testkit.docs.snippets import snippets

PAGE = ROOT / "docs" / "howto" / "build-a-voice-agent.md"
RATE = 16_000


def program(language: str) -> str:
    """The only code block of the page in a language."""
    (found,) = (one for one in snippets(PAGE.read_text(encoding="utf-8")) if one.language == language)
    return found.text


@pytest.fixture
def recording(sentence: NDArray[np.int16], tmp_path: Path) -> Path:
    """A question, and another one while the agent answers the first."""
    file = tmp_path / "question.wav"
    pauses = [np.zeros(round(seconds * RATE), np.int16) for seconds in (2.5, 3.0)]
    with wave.open(str(file), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(np.concatenate([sentence, pauses[0], sentence, pauses[1]]).tobytes())
    return file


async def printed_by(*command: str | Path, environment: Mapping[str, str]) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return output.decode().splitlines()


def check(lines: list[str]) -> None:
    assert [line.partition(":")[0] for line in lines] == ["user", "agent", "(interrupted)", "user", "agent"]
    questions = [line.removeprefix("user: ") for line in lines if line.startswith("user: ")]
    assert all(questions)
    assert all(question in line for question, line in zip(questions, (lines[1], lines[4]), strict=True))


async def test_the_python_agent_answers_and_is_interrupted(
    null_system: System, recording: Path, tmp_path: Path
) -> None:
    script = tmp_path / "voice_agent.py"
    script.write_text(program("python"), encoding="utf-8")
    path = os.pathsep.join([str(ROOT), str(ROOT / "backend" / "sdk")])
    server = stream_url(null_system.urls[0])
    check(await printed_by(sys.executable, script, server, recording, environment={"PYTHONPATH": path}))


async def test_the_javascript_agent_answers_and_is_interrupted(
    node: str, null_system: System, recording: Path, tmp_path: Path
) -> None:
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "ws").symlink_to(FRONTEND / "node_modules" / "ws")
    (modules / "nova-voice").symlink_to(FRONTEND / "client")
    script = tmp_path / "voice-agent.mjs"
    script.write_text(program("js"), encoding="utf-8")
    check(await printed_by(node, script, null_system.urls[0], recording, environment={}))
