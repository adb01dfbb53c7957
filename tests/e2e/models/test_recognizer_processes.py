"""Whole systems whose workers run other recognizers: what sessions, `/health/full` and heartbeats show of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.system import System, running
from backend.messages.protocol import Final, Partial
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.models.mark_model import write_chinese_mark_model
from tests.testkit.models.tone_model import tones, write_tone_model
from tests.testkit.models.transformers_whisper import write_transformers_model
from tests.testkit.servers.speech_endpoint import Answer, Endpoint, describe_audio
from tests.testkit.servers.threads import serve_in_thread
from tests.testkit.session import ClientLedger, speak
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = [pytest.mark.timeout(600)]
SAID = ("high", "low", "middle", "high")


@asynccontextmanager
async def system_with(artifacts: Path, name: str, model: Path | str, **settings: str) -> AsyncIterator[System]:
    environment = {**NO_LOAD_LIMIT, **settings}
    plan = system_plan(artifacts / name, stt_model=str(model), quick_claims=False, environment=environment)
    async with running(plan, silent) as system:
        yield system


async def health_of(system: System) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        found = (await client.get(f"{system.urls[0]}/health/full")).json()
    assert isinstance(found, dict)
    return found


async def worker_of(system: System) -> dict[str, Any]:
    (found,) = (one for one in (await health_of(system))["workers"] if one["kind"] == "stt")
    assert isinstance(found, dict)
    return found


async def hummed(system: System, *names: str, **options: Any) -> ClientLedger:
    """A session of tones. The client decides where utterances end, because tones are no speech."""
    pcm: NDArray[np.int16] = (tones(*names) * 32_767).astype(np.int16)
    return await speak(system.urls[0], pcm, endpointing=False, language="en", **options)


def texts(ledger: ClientLedger) -> list[str]:
    return [final.text for final in ledger.received(Final)]


async def test_a_worker_with_sherpa_onnx_serves_sessions(artifacts: Path, tmp_path: Path) -> None:
    model = write_tone_model(tmp_path / "sherpa-onnx-nemo-ctc-en-tones")
    async with system_with(artifacts, "onnx", model) as system:
        worker = await worker_of(system)
        assert (worker["engine"], worker["model"], worker["languages"]) == ("sherpa-onnx", model.name, ["en"])
        assert texts(await hummed(system, *SAID, words=True)) == [" ".join(SAID)]


async def test_a_worker_with_a_streaming_model_shows_growing_text(artifacts: Path, tmp_path: Path) -> None:
    model = write_tone_model(tmp_path / "sherpa-onnx-nemo-streaming-ctc-en-tones", streaming=True)
    async with system_with(artifacts, "streaming", model) as system:
        ledger = await hummed(system, *SAID, *SAID, speed=1.0)
    assert texts(ledger) == [" ".join(SAID + SAID)]
    shown = [partial.committed + partial.tentative for partial in ledger.received(Partial)]
    assert any(shown), "partials have text"
    assert all(" ".join(SAID + SAID).startswith(text.strip()) for text in shown), shown


async def test_a_worker_adds_punctuation_without_a_change_of_committed_words(artifacts: Path, tmp_path: Path) -> None:
    model = write_tone_model(tmp_path / "sherpa-onnx-nemo-streaming-ctc-en-tones", streaming=True)
    marks = write_chinese_mark_model(tmp_path / "punctuation")
    async with system_with(artifacts, "punctuation", model, STT_ONNX_PUNCTUATION=str(marks)) as system:
        ledger = await hummed(system, *SAID, *SAID, speed=1.0, finals="stable")
    assert texts(ledger) == ["high low. middle high high low. middle high."]
    committed = [partial.committed for partial in ledger.received(Partial)]
    assert any("low. middle" in text for text in committed), committed
    assert all(later.startswith(earlier) for earlier, later in pairwise([*committed, *texts(ledger)])), committed


async def test_a_worker_with_two_models_sends_short_audio_to_the_light_one(artifacts: Path, tmp_path: Path) -> None:
    light = write_tone_model(tmp_path / "sherpa-onnx-nemo-ctc-en-tones")
    async with system_with(artifacts, "routes", "null", STT_ROUTES=f"en<3={light}") as system:
        assert texts(await hummed(system, "high", "low")) == ["high low"]
        (other,) = texts(await hummed(system, *SAID))
        assert len(other.split()) > len(SAID), "a checksum"
        (prompted,) = texts(await hummed(system, "high", hotwords="Nova"))
        assert prompted != "high", "the light model takes no hotwords"
        recognizers = (await worker_of(system))["recognizers"]
    assert [(one["model"], one["route"], one["state"]) for one in recognizers] == [
        (light.name, "en<3", "ready"),
        ("null", "*", "ready"),
    ]


async def test_the_only_model_of_a_worker_is_reported_while_it_fails(artifacts: Path) -> None:
    endpoint = Endpoint()
    endpoint.answer = lambda request: Answer(503, "busy")
    with serve_in_thread(endpoint.server):
        async with system_with(artifacts, "failing", endpoint.url) as system:
            (recognizer,) = (await worker_of(system))["recognizers"]
            assert (recognizer["engine"], recognizer["state"]) == ("remote", "ready")
            session = asyncio.create_task(hummed(system, "high"))
            failing = await recognizer_with(system, "failing")
            assert "UnavailableError" in failing["error"]
            reasons = (await health_of(system))["reasons"]
            assert any(f"the model {failing['model']} of" in reason for reason in reasons), reasons
            endpoint.answer = describe_audio
            assert len((await session).received(Final)) == 1
            restored = await recognizer_with(system, "ready")
            assert (restored["failures"] >= 3, "error" in restored) == (True, False)
            assert not [reason for reason in (await health_of(system))["reasons"] if "fails" in reason]


async def recognizer_with(system: System, state: str) -> dict[str, Any]:
    """The only recognizer, as soon as it has this state. Heartbeats arrive every two seconds."""
    async with asyncio.timeout(120):
        while True:
            (recognizer,) = (await worker_of(system))["recognizers"]
            if recognizer["state"] == state:
                assert isinstance(recognizer, dict)
                return recognizer
            await asyncio.sleep(0.5)


async def test_a_worker_with_pytorch_serves_sessions(
    artifacts: Path, tmp_path: Path, whisper_tiny: Path, speech_clips: list[Clip]
) -> None:
    pytest.importorskip("torch", reason="the extra `torch` is not installed")
    pytest.importorskip("safetensors", reason="the extra `torch` is not installed")
    model = write_transformers_model(whisper_tiny, tmp_path / "whisper")
    clip = shortest_clip(speech_clips, 2.0)
    async with system_with(artifacts, "torch", model) as system:
        worker = await worker_of(system)
        assert (worker["engine"], worker["device"]) == ("torch", "cpu")
        ledger = await speak(system.urls[0], clip.pcm(), silence_s=1.0, language="en", words=True)
    (final,) = ledger.received(Final)
    spoken = {word.strip(".,?!").lower() for word in final.text.split()}
    assert spoken & {word.strip(".,?!").lower() for word in clip.text.split()}
    assert final.words
