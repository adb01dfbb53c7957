"""The speech services of LiveKit Agents and Pipecat, unmodified, against a gateway.

They are in an environment of their own, because they need other versions of some packages: `make agents`.
`NOVA_AGENTS_PYTHON` names an interpreter elsewhere. Without either the tests are skipped, except in CI, which sets it.
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

PYTHON = os.environ.get("NOVA_AGENTS_PYTHON", str(ROOT / ".venv-agents" / "bin" / "python"))
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        "NOVA_AGENTS_PYTHON" not in os.environ and not Path(PYTHON).exists(),
        reason="the environment of agent frameworks does not exist: make agents",
    ),
]

MAX_ERROR_PERCENT = 25.0
RATE = 16_000
# (kind, text) of a frame of Pipecat or an event of LiveKit.
Event = tuple[str, str]


async def speak(framework: str, service: str, system: System, clip: Clip, folder: Path) -> list[Event]:
    """The events of a service for a clip with two seconds of silence after it."""
    pcm = folder / "clip.pcm"
    pcm.write_bytes(np.concatenate([clip.pcm(), np.zeros(2 * RATE, np.int16)]).tobytes())
    script = ROOT / "tests" / "testkit" / "frameworks" / f"{framework}_services.py"
    process = await asyncio.create_subprocess_exec(
        PYTHON, str(script), service, system.urls[0], str(pcm), stdout=asyncio.subprocess.PIPE, cwd=folder
    )
    output, _ = await asyncio.wait_for(process.communicate(), 200)
    assert process.returncode == 0
    return [(kind, text) for kind, text in json.loads(output.splitlines()[-1])]


def assert_transcribed(seen: list[Event], clip: Clip, final: str) -> None:
    texts = [text for kind, text in seen if kind == final]
    assert texts, seen
    assert error_percent(clip, " ".join(texts)) <= MAX_ERROR_PERCENT


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
    seen = await speak("pipecat", service, system, english[0], tmp_path)
    kinds = [kind for kind, _ in seen]
    assert "ErrorFrame" not in kinds, seen
    assert_transcribed(seen, english[0], "TranscriptionFrame")
    if has_interim:
        assert kinds.index("InterimTranscriptionFrame") < kinds.index("TranscriptionFrame")


@pytest.mark.parametrize(
    ("service", "last"),
    [
        # OpenAI reports the end of speech before the transcript of it.
        ("openai-realtime", "final_transcript"),
        ("deepgram-live", "end_of_speech"),
        ("deepgram-flux", "end_of_speech"),
        ("soniox", "end_of_speech"),
    ],
)
async def test_a_plugin_of_livekit_reports_speech_in_order(
    system: System, english: list[Clip], tmp_path: Path, service: str, last: str
) -> None:
    """First the start of speech, then interim transcripts and the final one, and the end of speech."""
    seen = await speak("livekit", service, system, english[0], tmp_path)
    assert_transcribed(seen, english[0], "final_transcript")
    kinds = [kind for kind, _ in seen]
    assert (kinds[0], kinds[-1]) == ("start_of_speech", last), seen
    assert kinds.index("interim_transcript") < kinds.index("final_transcript"), seen
    assert "end_of_speech" in kinds, seen


@pytest.mark.parametrize("service", ["openai-upload", "deepgram-upload"])
async def test_a_plugin_of_livekit_transcribes_recordings(
    system: System, english: list[Clip], tmp_path: Path, service: str
) -> None:
    seen = await speak("livekit", service, system, english[0], tmp_path)
    assert_transcribed(seen, english[0], "final_transcript")
