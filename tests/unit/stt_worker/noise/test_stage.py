"""Noise reduction in the worker: which audio is changed, for what, and how failures are handled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.options import Denoise
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.loading import load_denoiser
from stt_worker.noise.stage import KEPT, NoiseStage
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Denoiser, Hypothesis, Speech
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import job
from tests.testkit.streams.voices import voice

# A tone with pauses, and with white noise: about 40 dB and 3 dB of signal above the noise.
_TONE = np.sin(2 * np.pi * 300 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE) * (
    np.arange(2 * SAMPLE_RATE) % 8_000 < 6_000
)
_HISS = np.random.default_rng(0).normal(0, 1, 2 * SAMPLE_RATE)
CLEAN = (0.3 * _TONE + 0.003 * _HISS).astype(np.float32)
NOISY = (0.1 * _TONE + 0.1 * _HISS).astype(np.float32)


class Muffler:
    """Halves the audio, so that a test can see that it was here."""

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return samples * np.float32(0.5)


class Broken(Muffler):
    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        raise RuntimeError("wrong model")


class Listener(NullRecognizer):
    """Keeps what it is asked to recognize."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[NDArray[np.float32]] = []

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.asked += [speech.samples for speech in batch]
        return [Hypothesis("Hello.", "en", 1.0, -0.1, 0.0) for _ in batch]


class Ear:
    """Keeps what it is asked to judge or to describe."""

    def __init__(self) -> None:
        self.asked: list[NDArray[np.float32]] = []

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked.append(samples)
        return voice(1)

    def probability(self, samples: NDArray[np.float32]) -> float:
        self.asked.append(samples)
        return 0.9


def pcm(samples: NDArray[np.float32]) -> bytes:
    return Speech(samples).pcm


async def handled(worker: SttWorker, *jobs: tuple[Denoise, NDArray[np.float32]], **fields: Any) -> None:
    entries = [
        Entry(Shard(0), f"{n}-0", job(n, language="en", denoise=denoise, **fields), pcm(samples))
        for n, (denoise, samples) in enumerate(jobs, 1)
    ]
    for outcome in await worker.handle(entries):
        assert isinstance(outcome, Outcome)


async def changed(denoiser: Denoiser | None, *jobs: tuple[Denoise, NDArray[np.float32]], **fields: Any) -> list[bool]:
    """Whether the recognizer gets other audio than that of the job, for each job of a batch."""
    listener = Listener()
    await handled(SttWorker(listener, SttSettings(), denoiser=denoiser), *jobs, **fields)
    pairs = zip(listener.asked, jobs, strict=True)
    return [not np.allclose(asked, samples, atol=1e-4) for asked, (_, samples) in pairs]


@pytest.mark.parametrize("kind", ["final", "preview"])
async def test_noise_is_reduced_in_the_jobs_that_ask_for_it(kind: str) -> None:
    jobs: list[tuple[Denoise, NDArray[np.float32]]] = [("off", NOISY), ("on", NOISY), ("on", CLEAN), ("off", CLEAN)]
    assert await changed(Muffler(), *jobs, kind=kind) == [False, True, True, False]


async def test_auto_reduces_noise_only_where_there_is_noise() -> None:
    assert await changed(Muffler(), ("auto", NOISY), ("auto", CLEAN)) == [True, False]


async def test_a_worker_without_the_model_recognizes_the_audio_as_it_is() -> None:
    assert await changed(None, ("on", NOISY), ("auto", NOISY)) == [False, False]


async def test_a_failure_costs_the_reduction_and_not_the_text() -> None:
    with capture_logs() as logs:
        assert await changed(Broken(), ("on", NOISY), ("off", NOISY)) == [False, False]
    assert [entry["event"] for entry in logs] == ["noise_not_reduced"]


def denoised_s(kind: str) -> float:
    return REGISTRY.get_sample_value("nova_stt_denoised_seconds_total", {"kind": kind}) or 0.0


async def test_the_audio_whose_noise_was_reduced_is_counted() -> None:
    before = denoised_s("preview")
    await changed(Muffler(), ("on", NOISY), ("auto", CLEAN), ("off", NOISY), kind="preview")
    assert denoised_s("preview") - before == pytest.approx(2.0)


def test_a_part_of_the_audio_is_kept() -> None:
    (reduced,) = NoiseStage(Muffler()).reduce([Speech(CLEAN, denoise="on")], "final")
    assert np.allclose(reduced.samples, CLEAN * (KEPT + 0.5 * (1 - KEPT)), atol=1e-6)


async def test_turns_and_voices_are_judged_by_the_audio_as_it_is() -> None:
    ear, listener = Ear(), Listener()
    worker = SttWorker(listener, SttSettings(), turns=ear, voices=ear, denoiser=Muffler())
    await handled(worker, ("on", NOISY), judge_turn=True, describe_voices=True)
    assert len(ear.asked) == 2
    for asked in ear.asked:
        assert np.allclose(asked, NOISY, atol=1e-4)
    assert not np.allclose(listener.asked[0], NOISY, atol=1e-4)


def test_the_model_is_optional_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOVA_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NOVA_MODELS_DIR", raising=False)
    assert load_denoiser(SttSettings()) is None
    assert load_denoiser(SttSettings(denoise_model="")) is None
    with pytest.raises(ModelError, match="nova models pull gtcrn"):
        load_denoiser(SttSettings(denoise_model="gtcrn"))
    with pytest.raises(ModelError, match=r"needs gtcrn_simple\.onnx"):
        load_denoiser(SttSettings(denoise_model=str(tmp_path / "missing.onnx")))
