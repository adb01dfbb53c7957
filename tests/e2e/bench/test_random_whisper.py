"""Whisper models with random weights, decoded by the worker's recognizer."""

from pathlib import Path

import numpy as np
import pytest

from backend.engines.loading import Hardware
from stt_worker.calibration.workload import syllabic_noise
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from tests.bench.support.random_whisper import Shape, make_model

SMALL = Shape(width=64, heads=2, encoder_layers=2, decoder_layers=2, mels=128, vocabulary=51_866)
TOKENS = 24
OUTPUT = "The ship had left the harbour before the morning fog was gone, and those who stood on the"


@pytest.fixture(scope="module")
def shaped(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    directory = tmp_path_factory.mktemp("shaped")
    assert make_model(directory, SMALL, like=whisper_tiny, tokens=TOKENS) == OUTPUT
    return FasterWhisper(directory, model="small", hardware=Hardware("cpu", threads=2), batch_size=8)


def test_a_model_with_random_weights_gives_the_same_output_for_any_audio(shaped: FasterWhisper) -> None:
    sounds = [syllabic_noise(6.0, seed) for seed in range(3)] + [np.zeros(6 * 16_000, np.float32)]
    for beam_size in (1, 5):
        heard = shaped.recognize([Speech(sound, "en", beam_size=beam_size) for sound in sounds])
        assert [one.text for one in heard] == [OUTPUT] * len(sounds)


def test_the_guards_accept_the_output(shaped: FasterWhisper) -> None:
    final = shaped.recognize([Speech(syllabic_noise(6.0, 1), "en", beam_size=5)])[0]
    assert final.retried == ""
    assert final.avg_logprob > -0.1


def test_previews_have_word_times(shaped: FasterWhisper) -> None:
    preview = shaped.recognize([Speech(syllabic_noise(6.0, 1), "en", words=True, final=False)])[0]
    assert "".join(word.text for word in preview.words).strip() == preview.text


def test_more_tokens_than_axes_raise_an_error(whisper_tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too small"):
        make_model(tmp_path, Shape(width=16, heads=2, encoder_layers=1, decoder_layers=1), like=whisper_tiny, tokens=16)
