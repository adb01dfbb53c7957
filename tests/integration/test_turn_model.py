"""Smart Turn with its real weights: the features, and judgements of real speech."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend import models
from backend.errors import ModelError
from stt_worker.recognizers.turn_model import FILE, TurnModel
from tests.testkit.audio.clips import RATE, Clip, shared_clips

# A pause after the speech, as the gateway's segmenter leaves it.
PAUSE = np.zeros(RATE // 5, np.float32)


@pytest.fixture(scope="module")
def model() -> TurnModel:
    return TurnModel(models.fetch("smart-turn"))


@pytest.fixture(scope="module")
def clips(shared_folder: Path) -> list[Clip]:
    return [clip for clip in shared_clips() if clip.kind == "utt" and len(clip.pcm()) > 4 * RATE]


def samples(clip: Clip) -> NDArray[np.float32]:
    return clip.pcm().astype(np.float32) / np.float32(32_768)


def test_finished_sentences_are_more_probably_finished_than_their_beginnings(
    model: TurnModel, clips: list[Clip]
) -> None:
    whole = [model.probability(np.concatenate([samples(clip), PAUSE])) for clip in clips]
    half = [model.probability(np.concatenate([samples(clip)[: len(clip.pcm()) // 2], PAUSE])) for clip in clips]
    assert len(clips) >= 30
    assert np.mean(np.array(whole) > np.array(half)) >= 0.8
    assert np.median(whole) - np.median(half) >= 0.2


def test_a_judgement_does_not_depend_on_audio_before_the_last_8_s(model: TurnModel, clips: list[Clip]) -> None:
    last = np.concatenate([samples(clip) for clip in clips[:4]])[-8 * RATE :]
    assert len(last) == 8 * RATE
    assert model.probability(np.concatenate([np.ones(RATE, np.float32), last])) == model.probability(last)


def test_audio_of_any_length_is_judged(model: TurnModel) -> None:
    for length in (0, 1, 160, RATE, 8 * RATE, 25 * RATE):
        assert 0 <= model.probability(np.zeros(length, np.float32)) <= 1


def test_a_damaged_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TurnModel(tmp_path)
