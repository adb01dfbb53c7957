"""The speech services of Pipecat, unmodified, against a gateway.

Pipecat and its dependencies take minutes to install, so that CI skips this. To run it:

    python -m venv pipecat && pipecat/bin/pip install "pipecat-ai[openai,deepgram,soniox]==1.14.0"
    NOVA_PIPECAT_PYTHON=pipecat/bin/python python -m pytest tests/e2e/apis/test_agent_frameworks.py
"""

import asyncio
import json
import os
from pathlib import Path

import numpy as np
import pytest

from backend.local.system import System
from tests.e2e.apis.conftest import error_percent
from tests.paths import ROOT
from tests.testkit.audio.clips import Clip

PYTHON = os.environ.get("NOVA_PIPECAT_PYTHON", "")
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not PYTHON, reason="NOVA_PIPECAT_PYTHON names no interpreter with pipecat-ai"),
]

SCRIPT = ROOT / "tests" / "testkit" / "frameworks" / "pipecat_services.py"
MAX_ERROR_PERCENT = 25.0
RATE = 16_000
INTERIM, FINAL = "InterimTranscriptionFrame", "TranscriptionFrame"


async def frames(service: str, system: System, pcm: Path) -> list[list[str]]:
    """The name and the text of each frame."""
    process = await asyncio.create_subprocess_exec(
        PYTHON, str(SCRIPT), service, system.urls[0], str(pcm), stdout=asyncio.subprocess.PIPE, cwd=pcm.parent
    )
    output, _ = await asyncio.wait_for(process.communicate(), 200)
    assert process.returncode == 0
    found: list[list[str]] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("service", "has_interim"),
    [
        ("openai-realtime-commits", True),
        ("openai-realtime-vad", True),
        ("openai-upload", False),
        ("deepgram-live", True),
        ("deepgram-flux", True),
        ("soniox", True),
    ],
)
async def test_a_service_of_pipecat_transcribes(
    system: System, english: list[Clip], tmp_path: Path, service: str, has_interim: bool
) -> None:
    clip, pcm = english[0], tmp_path / "clip.pcm"
    pcm.write_bytes(np.concatenate([clip.pcm(), np.zeros(2 * RATE, np.int16)]).tobytes())
    seen = await frames(service, system, pcm)
    kinds = [kind for kind, _ in seen]
    assert "ErrorFrame" not in kinds, seen
    assert FINAL in kinds, seen
    text = " ".join(text for kind, text in seen if kind == FINAL)
    assert error_percent(clip, text) <= MAX_ERROR_PERCENT
    if has_interim:
        assert kinds.index(INTERIM) < kinds.index(FINAL)
