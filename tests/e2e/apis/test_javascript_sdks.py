"""The official packages of OpenAI, Deepgram and Soniox for JavaScript, in Node.js, against a gateway with TLS."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.local.system import System, running
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent, resampled
from tests.paths import FRONTEND
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.servers.certificate import self_signed
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(240)

TIMEOUT_S = 150.0
MAX_ERROR_PERCENT = 25.0
TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(frozen=True, slots=True)
class SecureSystem:
    """A running system that requires a key, and the certificate of its gateway."""

    system: System
    certificate: Path

    @property
    def url(self) -> str:
        return self.system.urls[0].replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def secure(
    whisper_base: Path, opus_zh_en: Path, artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureSystem]:
    certificate, key = self_signed(tmp_path_factory.mktemp("certificate"))
    settings = {
        **NO_LOAD_LIMIT,
        "GATEWAY_TLS_CERT": str(certificate),
        "GATEWAY_TLS_KEY": str(key),
        "GATEWAY_AUTH": "keys",
    }
    models: dict[str, Any] = {"stt_model": str(whisper_base), "translation_models": str(opus_zh_en)}
    plan = system_plan(
        artifacts / "logs-javascript", translation_workers=1, quick_claims=False, environment=settings, **models
    )
    with run_in_thread(running(plan, silent)) as up:
        yield SecureSystem(up, certificate)


@pytest.fixture(scope="module")
def clip(english: list[Clip]) -> Clip:
    return english[0]


async def ran(script: str, secure: SecureSystem, wav: Path, pcm: Path) -> Any:
    """The report of a script. A missing tool skips the test here and fails in CI."""
    node = shutil.which("node")
    if node is None or not (FRONTEND / "node_modules").is_dir():
        reason = "Node.js or frontend/node_modules is missing (make page)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    process = await asyncio.create_subprocess_exec(
        *(str(node), f"e2e/sdk/{script}", "--url", secure.url, "--key", secure.system.key),
        *("--wav", str(wav), "--pcm", str(pcm)),
        cwd=FRONTEND,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(secure.certificate)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def test_the_package_of_openai(secure: SecureSystem, clip: Clip, tmp_path: Path) -> None:
    pcm = tmp_path / "clip.pcm"
    pcm.write_bytes(resampled(np.concatenate([clip.pcm(), np.zeros(16_000, np.int16)]), 24_000))
    report = await ran("openai.mjs", secure, clip.path, pcm)
    assert {"whisper-1", "whisper-base"} <= set(report["models"])
    assert error_percent(clip, report["text"]) <= MAX_ERROR_PERCENT
    assert report["verbose"]["text"] == report["text"]
    assert all(segment["tokens"] for segment in report["verbose"]["segments"])
    assert report["subtitles"].startswith("1\n00:00:")
    assert error_percent(clip, report["translation"]) <= MAX_ERROR_PERCENT
    *deltas, done = report["stream"]
    assert "".join(delta["delta"] for delta in deltas) == done["text"] == report["text"]
    assert report["unknownModel"] == {"name": "NotFoundError", "status": 404, "code": "model_not_found"}
    assert report["wrongKey"] == {"name": "AuthenticationError", "status": 401, "code": "invalid_api_key"}
    for way in ("turns", "commits"):
        check_realtime(clip, report[way], by_turns=way == "turns")


def check_realtime(clip: Clip, events: list[dict[str, Any]], *, by_turns: bool) -> None:
    """The events of a session: their order, and the text."""
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["session.created", "session.updated"]
    assert ("input_audio_buffer.speech_started" in kinds) == by_turns
    assert kinds.index("input_audio_buffer.committed") < kinds.index("conversation.item.added")
    texts = [event["transcript"] for event in events if event["type"] == f"{TRANSCRIPTION}.completed"]
    deltas = [event["delta"] for event in events if event["type"] == f"{TRANSCRIPTION}.delta"]
    assert "".join(deltas).split() == " ".join(texts).split()
    if not by_turns:
        assert error_percent(clip, " ".join(texts)) <= MAX_ERROR_PERCENT


async def test_the_package_of_deepgram(secure: SecureSystem, clip: Clip, tmp_path: Path) -> None:
    pcm = tmp_path / "clip.pcm"
    pcm.write_bytes(np.concatenate([clip.pcm(), np.zeros(32_000, np.int16)]).tobytes())
    report = await ran("deepgram.mjs", secure, clip.path, pcm)
    best = report["recording"]["results"]["channels"][0]["alternatives"][0]
    assert error_percent(clip, best["transcript"]) <= MAX_ERROR_PERCENT
    assert report["recording"]["results"]["utterances"]
    assert report["refused"] == {"status": 400, "code": "INVALID_QUERY_PARAMETER"}
    kinds = [message["type"] for message in report["live"]]
    assert kinds[0] == "SpeechStarted"
    assert "UtteranceEnd" in kinds
    assert kinds[-1] == "Metadata"
    results = [message for message in report["live"] if message["type"] == "Results"]
    text = " ".join(one["channel"]["alternatives"][0]["transcript"] for one in results if one["is_final"])
    assert error_percent(clip, text) <= MAX_ERROR_PERCENT
    assert results[-1]["from_finalize"]
    check_turns(clip, report["turns"])


def check_turns(clip: Clip, messages: list[dict[str, Any]]) -> None:
    """The messages of a conversation through `/v2/listen`. A pause in the clip may end a turn."""
    assert messages[0]["type"] == "Connected"
    assert "ConfigureSuccess" in [message["type"] for message in messages]
    turns = [message for message in messages if message["type"] == "TurnInfo"]
    kinds = [turn["event"] for turn in turns]
    assert (kinds[0], kinds[-1]) == ("StartOfTurn", "EndOfTurn")
    assert "Update" in kinds
    text = " ".join(turn["transcript"] for turn in turns if turn["event"] == "EndOfTurn")
    assert error_percent(clip, text) <= MAX_ERROR_PERCENT


async def test_the_package_of_soniox(secure: SecureSystem, clip: Clip, tmp_path: Path) -> None:
    pcm = tmp_path / "clip.pcm"
    pcm.write_bytes(np.concatenate([clip.pcm(), np.zeros(32_000, np.int16)]).tobytes())
    report = await ran("soniox.mjs", secure, clip.path, pcm)
    live = report["live"]
    tokens = [token["text"] for result in live["results"] for token in result if token["is_final"]]
    assert error_percent(clip, "".join(tokens)) <= MAX_ERROR_PERCENT
    assert "endpoint" in live["events"]
    assert live["events"][-2:] == ["finalized", "finished"]
    assert report["refused"] == {"name": "AuthError", "status": 401}
