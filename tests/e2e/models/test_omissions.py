"""With real weights: all sentences of an utterance are recognized, and hums give no text."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.engines.loading import Hardware
from backend.text.edits import WordErrors
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.repair import recognize_all_speech
from tests.testkit.audio.clips import RATE, Clip

PAUSE = np.random.default_rng(3).normal(0, 1e-4, RATE // 4).astype(np.float32)


@pytest.fixture(scope="module")
def whisper(whisper_base: Path) -> FasterWhisper:
    return FasterWhisper(whisper_base, model="base", hardware=Hardware("cpu", threads=2))


def sound(clip: Clip) -> NDArray[np.float32]:
    return clip.pcm().astype(np.float32) / np.float32(32_768)


def final(whisper: FasterWhisper, samples: NDArray[np.float32], language: str | None = None) -> Hypothesis:
    (heard,) = recognize_all_speech(whisper, [Speech(samples, language, beam_size=5)])
    return heard


def test_all_sentences_are_recognized_when_the_language_changes_within_an_utterance(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    def sentences(language: str) -> list[Clip]:
        return [
            clip
            for clip in speech_clips
            if clip.language == language and clip.kind == "utt" and 3 * RATE < len(clip.pcm()) < 6 * RATE
        ]

    first, second, third = sentences("en")[0], sentences("fr")[0], sentences("en")[1]
    alone = [final(whisper, sound(clip), clip.language) for clip in (first, second, third)]
    samples = np.concatenate([sound(first), PAUSE, sound(second), PAUSE, sound(third)])
    heard = final(whisper, samples)
    score = WordErrors("en")
    score.add(" ".join(one.text for one in alone), heard.text)
    assert score.percent <= 25, heard.text
    assert heard.omitted is None


def hum(pitch: float, level_db: float) -> NDArray[np.float32]:
    """Three seconds of a tone with eight harmonics."""
    times = np.arange(3 * RATE) / RATE
    wave = np.array([np.sin(2 * np.pi * n * pitch * times) / n for n in range(1, 9)]).sum(axis=0)
    wave *= np.minimum(1, np.minimum(times, 3 - times) * 8)
    faint: NDArray[np.float32] = (wave / np.sqrt(np.mean(wave**2)) * 10 ** (level_db / 20)).astype(np.float32)
    return np.concatenate([PAUSE, faint, PAUSE])


@pytest.mark.parametrize("hotwords", ["", "OAuth, Kubernetes, gRPC"], ids=["plain", "hotwords"])
@pytest.mark.parametrize(("pitch", "level_db"), [(110, -20), (200, -30), (300, -40)])
def test_a_hum_gives_no_text_and_omits_no_speech(
    whisper: FasterWhisper, pitch: float, level_db: float, hotwords: str
) -> None:
    samples = hum(pitch, level_db)
    (heard,) = recognize_all_speech(whisper, [Speech(samples, hotwords=hotwords, beam_size=5)])
    assert not heard.text or withhold_reason(heard, len(samples) / RATE)
    assert heard.retried != "no_text"
