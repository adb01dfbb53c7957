"""Whisper on PyTorch and on CTranslate2 with the same weights and real speech.

PyTorch is in no environment that the project installs, so these tests run where a developer has installed the extra
`torch`: `pip install -e '.[torch]'`.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from backend.engines.loading import Hardware
from backend.errors import ModelError
from backend.text.edits import WordErrors
from stt_worker.loading import find_engine, load_recognizer
from stt_worker.recognizers.recognizer import Recognizer, Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from tests.testkit.audio.clips import Clip
from tests.testkit.models.transformers_whisper import write_transformers_model

pytest.importorskip("torch", reason="the extra `torch` is not installed")
pytest.importorskip("safetensors", reason="the extra `torch` is not installed")


@pytest.fixture(scope="module")
def directory(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers_model(whisper_tiny, tmp_path_factory.mktemp("torch") / "whisper")


@pytest.fixture(scope="module")
def recognizer(directory: Path) -> Recognizer:
    return load_recognizer(SttSettings(model=str(directory), device="cpu", threads=1))


@pytest.fixture(scope="module")
def default(whisper_tiny: Path) -> FasterWhisper:
    return FasterWhisper(whisper_tiny, model="tiny", hardware=Hardware("cpu", threads=1))


@pytest.fixture(scope="module")
def said(speech_clips: list[Clip]) -> list[Clip]:
    """Four short utterances in English."""
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    return sorted(english, key=lambda clip: len(clip.pcm()))[3:19:4]


def speeches(
    clips: Sequence[Clip], language: str | None = None, *, final: bool = True, prefix: str = ""
) -> list[Speech]:
    sounds = [clip.pcm().astype(np.float32) / np.float32(32_768) for clip in clips]
    beam_size = 5 if final else 1
    return [Speech(s, language, words=True, final=final, beam_size=beam_size, prefix=prefix) for s in sounds]


def test_the_format_of_its_files_selects_the_recognizer(directory: Path, recognizer: Recognizer) -> None:
    assert find_engine(SttSettings(model=str(directory))) == "torch"
    assert (recognizer.engine, recognizer.device, recognizer.compute_type) == ("torch", "cpu", "float32")
    assert recognizer.languages is not None
    assert {"en", "zh"} <= set(recognizer.languages)


def test_finals_have_about_the_words_of_ctranslate2(
    recognizer: Recognizer, default: FasterWhisper, said: list[Clip]
) -> None:
    own, other = WordErrors(), WordErrors()
    for errors, one in ((own, recognizer), (other, default)):
        for clip, hypothesis in zip(said, one.recognize(speeches(said)), strict=True):
            errors.add(clip.text, hypothesis.text)
    print(f"\nword errors on {own.words} words: PyTorch {own.errors}, CTranslate2 {other.errors}")
    assert own.percent <= other.percent + 5


def test_previews_have_the_words_times_and_probabilities_of_ctranslate2(
    recognizer: Recognizer, default: FasterWhisper, said: list[Clip]
) -> None:
    """CTranslate2 multiplies with 8 bits, so the numbers differ a little, and a doubtful word may be another one."""
    decoded = (one.recognize(speeches(said, final=False)) for one in (recognizer, default))
    equal = [(own, other) for own, other in zip(*decoded, strict=True) if own.text == other.text]
    assert len(equal) >= 2
    for own, other in equal:
        assert [word.text for word in own.words] == [word.text for word in other.words]
        assert [w.start for w in own.words] == pytest.approx([w.start for w in other.words], abs=0.1)
        assert [w.probability for w in own.words] == pytest.approx([w.probability for w in other.words], abs=0.15)
        assert own.avg_logprob == pytest.approx(other.avg_logprob, abs=0.1)
        assert own.languages["en"] == pytest.approx(other.languages["en"], abs=0.1)


def test_a_final_begins_with_its_prefix(recognizer: Recognizer, said: list[Clip]) -> None:
    (alone,) = recognizer.recognize(speeches(said[:1], "en"))
    prefix = alone.text.split()[0]
    batch = speeches(said[:1], "en", prefix=prefix) + speeches(said[1:2], "en")
    continued, other = recognizer.recognize(batch)
    assert continued.text == alone.text
    assert other.text


def test_silence_has_no_text_or_is_doubted(recognizer: Recognizer) -> None:
    (found,) = recognizer.recognize([Speech(np.zeros(32_000, np.float32), "en", final=False)])
    assert not found.text or found.no_speech_probability > 0.5


def test_a_model_of_another_kind_is_refused_with_one_sentence(directory: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(directory, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    for change, reason in (({"model_type": "wav2vec2"}, "not whisper"), ({"d_model": 512}, "size mismatch|Error")):
        (other / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError, match=reason) as refused:
            load_recognizer(SttSettings(model=str(other)))
        assert "\n" not in refused.value.message


def test_damaged_weights_are_refused_with_one_sentence(directory: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(directory, tmp_path / "damaged"))
    (damaged / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot load the Whisper model in "):
        load_recognizer(SttSettings(model=str(damaged)))
