"""GTCRN with its real weights, on real speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import ModelError
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.loading import load_denoiser
from stt_worker.noise.gtcrn import Gtcrn
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.audio.clips import RATE, shared_clips
from tests.testkit.streams.jobs import job

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def model(shared_folder: Path) -> Gtcrn:
    return Gtcrn(shared_folder / "models" / "gtcrn_simple.onnx")


@pytest.fixture(scope="module")
def speech(shared_folder: Path) -> Samples:
    clip = next(clip for clip in shared_clips() if clip.id == "ls-2609-156975-0001")
    return clip.pcm()[: 3 * RATE].astype(np.float32) / np.float32(32_768)


def snr_db(speech: Samples, audio: Samples) -> float:
    """The ratio of the speech to what is different from it, whatever the level (Le Roux and others, SI-SDR, 2019)."""
    target = speech * (speech @ audio) / (speech @ speech)
    return float(10 * np.log10(np.mean(target**2) / np.mean((audio - target) ** 2)))


def test_speech_in_white_noise_becomes_clearer_and_stays_at_its_time(model: Gtcrn, speech: Samples) -> None:
    hiss = np.random.default_rng(0).normal(0, np.sqrt(np.mean(speech**2)), len(speech)).astype(np.float32)
    noisy = speech + hiss
    reduced = model.denoise(noisy)
    assert reduced.shape == noisy.shape
    assert snr_db(speech, noisy) == pytest.approx(0.0, abs=0.5)
    assert snr_db(speech, reduced) > 6.0


def test_clean_speech_is_hardly_changed(model: Gtcrn, speech: Samples) -> None:
    assert snr_db(speech, model.denoise(speech)) > 10.0


def test_noise_alone_becomes_quiet(model: Gtcrn) -> None:
    hiss = np.random.default_rng(0).normal(0, 0.05, 3 * RATE).astype(np.float32)
    assert np.mean(model.denoise(hiss)[RATE:] ** 2) < 0.01 * np.mean(hiss**2)


@pytest.mark.parametrize("length", [1, 100, 256, 512, RATE])
def test_audio_of_any_length_keeps_its_length(model: Gtcrn, length: int) -> None:
    for samples in (np.zeros(length, np.float32), np.ones(length, np.float32)):
        reduced = model.denoise(samples)
        assert reduced.shape == samples.shape
        assert np.isfinite(reduced).all()


def test_each_piece_of_audio_is_reduced_alone(model: Gtcrn, speech: Samples) -> None:
    first = model.denoise(speech)
    model.denoise(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32))
    assert np.array_equal(model.denoise(speech), first)


class Listener(NullRecognizer):
    """Keeps the power of the audio that it receives."""

    power = 1.0

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.power = float(np.mean(batch[0].samples ** 2))
        return super().recognize(batch)


async def test_a_worker_loads_the_file_that_the_settings_name_and_uses_it(shared_folder: Path) -> None:
    settings = SttSettings(denoise_model=str(shared_folder / "models" / "gtcrn_simple.onnx"))
    hiss = np.random.default_rng(0).normal(0, 2_000, 2 * RATE).astype("<i2")
    listener = Listener()
    worker = SttWorker(listener, settings, denoiser=load_denoiser(settings))
    powers = []
    for denoise in ("off", "on"):
        (outcome,) = await worker.handle([Entry(Shard(0), "1-0", job(1, denoise=denoise), hiss.tobytes())])
        assert isinstance(outcome, Outcome)
        powers.append(listener.power)
    assert powers[1] < 0.5 * powers[0]


def test_a_damaged_file_and_another_model_are_errors(shared_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Gtcrn(tmp_path / "damaged.onnx")
    with pytest.raises(ModelError, match="not the streaming model of GTCRN"):
        Gtcrn(shared_folder / "models" / "campplus_zh_en_192.onnx")
