"""CAM++ with its real weights: the features, and the voices of real speech."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import ModelError
from stt_worker.voices.division import MIN_PIECE_S, describe_pieces, find_voices
from stt_worker.voices.voice_model import VoiceModel, filter_bank
from tests.testkit.audio.clips import RATE, Clip, shared_clips

# Bands and frames of the test signal as kaldi-native-fbank 1.22 computes them. Where the signal has no energy, rounding
# decides.
FRAMES, BANDS = (0, 50, 97), (10, 20)
KALDI = ((13.002, 10.239), (13.003, 10.245), (13.010, 10.197))


@pytest.fixture(scope="module")
def model(shared_folder: Path) -> VoiceModel:
    return VoiceModel(shared_folder / "models" / "campplus_zh_en_192.onnx")


@pytest.fixture(scope="module")
def clips(shared_folder: Path) -> list[Clip]:
    """Four clips of each of four speakers, of at least 4 s."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in shared_clips():
        if clip.speaker in {"ls533", "ls367", "ls2609", "ls2033"} and len(clip.pcm()) >= 4 * RATE:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    return [clip for some in by_speaker.values() for clip in some[:4]]


def samples(clip: Clip) -> NDArray[np.float32]:
    return clip.pcm().astype(np.float32)[: 6 * RATE] / np.float32(32_768)


def test_the_features_are_those_of_kaldi() -> None:
    n = np.arange(RATE)
    tones = 0.1 * np.sin(2 * np.pi * 440 * n / RATE) + 0.05 * np.sin(2 * np.pi * 3_000 * n / RATE * (1 + n / 32_000))
    features = filter_bank(tones.astype(np.float32))
    assert features.shape == (98, 80)
    assert np.allclose(features[np.ix_(FRAMES, BANDS)], KALDI, atol=0.01)


def test_two_utterances_of_a_speaker_are_more_similar_than_those_of_two(model: VoiceModel, clips: list[Clip]) -> None:
    assert len(clips) == 16
    voices = [(clip.speaker, model.embedding(samples(clip))) for clip in clips]
    assert {vector.shape for _, vector in voices} == {(192,)}
    pairs = [(a == b, float(x @ y)) for (a, x), (b, y) in combinations(voices, 2)]
    same, other = ([score for is_same, score in pairs if is_same is wanted] for wanted in (True, False))
    assert min(same) > max(other)


def test_the_mean_of_the_pieces_describes_the_whole(model: VoiceModel, clips: list[Clip]) -> None:
    for clip in clips[::4]:
        described = describe_pieces(samples(clip), model)
        assert described is not None
        assert len(described.pieces) >= 6 // (2 * MIN_PIECE_S)
        (part,) = find_voices(described, [], model)
        assert float(part.voice @ model.embedding(samples(clip))) >= 0.85


def test_any_audio_has_a_voice(model: VoiceModel) -> None:
    for length in (RATE // 10, RATE, 30 * RATE):
        vector = model.embedding(np.zeros(length, np.float32))
        assert np.isfinite(vector).all()


def test_a_damaged_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "voices.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        VoiceModel(tmp_path / "voices.onnx")
