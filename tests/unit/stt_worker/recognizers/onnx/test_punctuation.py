"""Punctuation that a second model adds, with generated models that sherpa-onnx runs."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from backend.errors import ModelError
from stt_worker.loading import load_recognizer
from stt_worker.outcomes import preview_outcome
from stt_worker.recognizers.onnx.punctuation import Punctuator
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech
from stt_worker.settings import SttSettings
from tests.testkit.models.mark_model import write_chinese_mark_model, write_english_mark_model
from tests.testkit.models.tone_model import PAUSE_S, TONE_S, tones, write_tone_model
from tests.testkit.streams.jobs import job

MODEL = "sherpa-onnx-nemo-ctc-en-tones"


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chinese_mark_model(tmp_path_factory.mktemp("models") / "ct-transformer")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_english_mark_model(tmp_path_factory.mktemp("models") / "cnn-bilstm")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你好了可以走吗", "你好了。可以，走吗？"),
        ("well the low middle", "well, the low. middle."),
        ("你好了。可以", "你好了。可以"),
        ("", ""),
    ],
)
def test_marks_are_added_in_the_form_of_the_writing_system(chinese: Path, text: str, expected: str) -> None:
    assert Punctuator(chinese, 1).punctuate(text) == expected


@pytest.mark.parametrize("text", ["well the nasa yes are you", "WELL THE NASA YES ARE YOU"])
def test_an_english_model_also_writes_the_case(english: Path, text: str) -> None:
    assert Punctuator(english, 1).punctuate(text) == "Well, the NASA yes. are you?"


def test_a_model_that_changes_letters_has_no_effect(chinese: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    punctuator = Punctuator(chinese, 1)
    monkeypatch.setattr(punctuator, "_add", lambda text: f"{text[1:]}.")
    assert punctuator.punctuate("你好了") == "你好了"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_recognizer_without_punctuation_gets_it(chinese: Path, tmp_path: Path, streaming: bool) -> None:
    name = "sherpa-onnx-nemo-streaming-fast-conformer-ctc-en-tones" if streaming else MODEL
    model = write_tone_model(tmp_path / name, streaming=streaming)
    recognizer = load_recognizer(SttSettings(model=str(model), threads=1, onnx_punctuation=str(chinese)))
    (found,) = recognizer.recognize([Speech(tones("high", "low", "middle"), words=True, utterance="s/1")])
    assert found.text == "high low. middle."
    assert [word.text for word in found.words] == ["high", " low.", " middle."]
    starts = [PAUSE_S + i * (PAUSE_S + TONE_S) for i in range(3)]
    assert [word.start for word in found.words] == pytest.approx(starts, abs=0.2 if streaming else 0.05)


def test_committed_words_stay_while_marks_move(chinese: Path) -> None:
    punctuator, said = Punctuator(chinese, 1), "你好了可以走吗我们走了再见"
    shown: dict[str, Any] = {}
    captions = []
    for count in range(3, len(said) + 1):
        text = punctuator.punctuate(said[:count])
        words = [RecognizedWord(w, 0.3 * i, 0.3 * (i + 1), 0.9) for i, w in enumerate(re.findall(r"\w\W*", text))]
        step = job(1, kind="preview", language="zh", expected=("zh",), end_ms=300 * count, **shown)
        (partial,) = preview_outcome(step, Hypothesis(text, "zh", 1.0, -0.2, 0.0, tuple(words))).live
        shown = partial.model_dump(include={"committed", "tentative", "hypothesis"})
        captions.append(shown["committed"])
    assert captions[-1].startswith("你好了。可以，走")
    assert all(later.startswith(earlier) for earlier, later in pairwise(captions))


def test_a_directory_without_a_model_and_a_damaged_one_are_refused(chinese: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no punctuation model"):
        Punctuator(tmp_path, 1)
    (tmp_path / "model.onnx").write_bytes((chinese / "model.onnx").read_bytes()[:100])
    with pytest.raises(ModelError, match=r"model\.onnx cannot be loaded"):
        Punctuator(tmp_path, 1)


def test_a_model_of_another_kind_is_refused(english: Path, tmp_path: Path) -> None:
    model = write_tone_model(tmp_path / MODEL)
    with pytest.raises(ModelError, match="no punctuation model: it has no property punctuations, tokens, unk_symbol"):
        Punctuator(model, 1)
    (model / "bpe.vocab").write_bytes((english / "bpe.vocab").read_bytes())
    with pytest.raises(ModelError, match="no property CAP, COMMA"):
        Punctuator(model, 1)
