"""With real weights: prompts and hotwords help with speech, and give no text for audio without speech."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.engines.loading import Hardware
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from tests.testkit.audio.clips import RATE, Clip

HOTWORDS = "OAuth, Kubernetes, gRPC"
PROMPT = "This is a talk about the deployment of services with Kubernetes."
SECONDS = np.arange(3 * RATE) / RATE


@pytest.fixture(scope="module")
def whisper(whisper_base: Path) -> FasterWhisper:
    return FasterWhisper(whisper_base, model="base", hardware=Hardware("cpu", threads=2))


def hum(pitch: float, level_db: float) -> NDArray[np.float32]:
    """A voice with vibrato and two formants, without articulation."""
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.02 * np.sin(2 * np.pi * 5 * SECONDS))) / RATE
    wave = np.zeros_like(SECONDS)
    for n in range(1, 20):
        gain = np.exp(-(((n * pitch - 500) / 400) ** 2)) + 0.3 * np.exp(-(((n * pitch - 1500) / 300) ** 2))
        wave += gain * np.sin(n * phase)
    wave *= np.minimum(1, np.minimum(SECONDS, 3 - SECONDS) * 8)
    hummed: NDArray[np.float32] = (wave / np.sqrt(np.mean(wave**2)) * 10 ** (level_db / 20)).astype(np.float32)
    return hummed


def noise() -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(0, 0.01, len(SECONDS)).astype(np.float32)


def shown(whisper: FasterWhisper, samples: NDArray[np.float32], hotwords: str = "", prompt: str = "") -> str:
    speech = Speech(samples, "en", hotwords=hotwords, prompt=prompt, beam_size=5)
    (hypothesis,) = whisper.recognize([speech])
    return "" if withhold_reason(hypothesis, len(samples) / RATE) else hypothesis.text


@pytest.mark.parametrize(
    "samples",
    [hum(110, -20), hum(280, -20), noise(), np.zeros(3 * RATE, np.float32)],
    ids=["low hum", "high hum", "noise", "silence"],
)
def test_audio_without_speech_gives_no_words_of_the_client(
    whisper: FasterWhisper, samples: NDArray[np.float32]
) -> None:
    texts = [shown(whisper, samples, hotwords=HOTWORDS), shown(whisper, samples, prompt=PROMPT)]
    assert [text for text in texts if any(word in text for word in ("OAuth", "Kubernetes", "gRPC", "deploy"))] == []


def test_speech_that_the_client_expects_is_recognized(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    clips = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"][::9]
    assert len(clips) >= 5
    for clip in clips:
        samples = clip.pcm()[: 10 * RATE].astype(np.float32) / np.float32(32_768)
        assert shown(whisper, samples, hotwords=clip.text), clip.id
        assert shown(whisper, samples, prompt=clip.text), clip.id
