from pathlib import Path

import numpy as np
import pytest

from backend.errors import ModelError
from stt_worker.loading import find_engine, load_recognizer
from stt_worker.recognizers.recognizer import Recognizer, Speech
from stt_worker.settings import SttSettings
from tests.testkit.models.tone_model import PAUSE_S, TONE_S, tones, write_tone_model


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone_model(tmp_path_factory.mktemp("models") / "sherpa-onnx-nemo-ctc-en-tones")


@pytest.fixture(scope="module")
def recognizer(directory: Path) -> Recognizer:
    return load_recognizer(SttSettings(model=str(directory), threads=1, batch=2))


def test_the_format_of_its_files_selects_the_recognizer(directory: Path, recognizer: Recognizer) -> None:
    assert find_engine(SttSettings(model=str(directory))) == "onnx"
    assert (recognizer.engine, recognizer.model, recognizer.device) == (
        "sherpa-onnx",
        "sherpa-onnx-nemo-ctc-en-tones",
        "cpu",
    )
    assert recognizer.languages == {"en"}
    assert (recognizer.translates, recognizer.uses_prompts, recognizer.continues_drafts) == (False, False, False)


def test_a_batch_of_any_lengths_is_recognized_in_order(recognizer: Recognizer) -> None:
    said = [("low",), ("high", "low", "middle"), (), ("middle", "high")]
    found = recognizer.recognize([Speech(tones(*names)) for names in said])
    assert [one.text for one in found] == [" ".join(names) for names in said]


def test_words_have_the_times_of_their_sounds(recognizer: Recognizer) -> None:
    (found,) = recognizer.recognize([Speech(tones("high", "low"), words=True)])
    starts = [PAUSE_S, PAUSE_S + TONE_S + PAUSE_S]
    assert [word.start for word in found.words] == pytest.approx(starts, abs=0.05)


def test_options_that_it_lacks_have_no_effect(recognizer: Recognizer) -> None:
    speech = Speech(tones("low"), "en", prompt="high", hotwords="high", context="high", beam_size=5, tokens=True)
    assert recognizer.recognize([speech])[0].text == "low"


def test_noise_and_almost_no_audio_do_no_harm(recognizer: Recognizer) -> None:
    quiet = np.random.default_rng(1).normal(0, 1e-4, 48_000).astype(np.float32)
    found = recognizer.recognize([Speech(quiet), Speech(np.zeros(160, np.float32)), Speech(tones("low"))])
    assert [one.text for one in found][1:] == ["", "low"]


def test_a_damaged_model_is_refused_with_one_sentence(directory: Path, tmp_path: Path) -> None:
    damaged = tmp_path / directory.name
    damaged.mkdir()
    (damaged / "tokens.txt").write_bytes((directory / "tokens.txt").read_bytes())
    (damaged / "model.onnx").write_bytes((directory / "model.onnx").read_bytes()[:200])
    with pytest.raises(ModelError, match="cannot load the model sherpa-onnx-nemo-ctc-en-tones: ") as refused:
        load_recognizer(SttSettings(model=str(damaged)))
    assert "\n" not in refused.value.message


def test_a_directory_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("a 0\n")
    with pytest.raises(ModelError, match="STT_ONNX_FAMILY"):
        load_recognizer(SttSettings(model=str(tmp_path)))
