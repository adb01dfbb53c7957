from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ModelError
from stt_worker.loading import load_recognizer
from stt_worker.recognizers.onnx.online import OnlineModel
from stt_worker.recognizers.recognizer import Recognizer, Speech
from stt_worker.recognizers.streaming.recognizer import StreamingRecognizer
from stt_worker.settings import SttSettings
from tests.testkit.models.tone_model import PAUSE_S, RATE, TONE_S, tones, write_tone_model
from tests.testkit.models.tone_transducer import write_tone_transducer

SAID = ("high", "low", "middle")
TEXT = " ".join(SAID)
AUDIO = tones(*SAID)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone_model(tmp_path_factory.mktemp("models") / "sherpa-onnx-nemo-streaming-ctc-en", streaming=True)


@pytest.fixture(scope="module")
def zipformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose name does not say that it decodes incrementally."""
    return write_tone_transducer(tmp_path_factory.mktemp("models") / "sherpa-onnx-tones-zh", streaming=True)


def load(directory: Path) -> Recognizer:
    return load_recognizer(SttSettings(model=str(directory), threads=1))


def previews(recognizer: Recognizer, ends_s: Sequence[float], utterance: str = "s/1") -> list[str]:
    """The texts of previews that end at these times."""
    audio = tones(*SAID)
    pieces = [Speech(audio[: round(end * RATE)], final=False, words=True, utterance=utterance) for end in ends_s]
    return [recognizer.recognize([piece])[0].text for piece in pieces]


def test_its_name_selects_a_streaming_model(directory: Path) -> None:
    recognizer = load(directory)
    assert (recognizer.engine, recognizer.languages, recognizer.measures_words) == ("sherpa-onnx", {"en"}, True)
    assert not recognizer.continues_drafts


def test_previews_grow_and_the_final_is_complete(directory: Path) -> None:
    recognizer = load(directory)
    assert previews(recognizer, (0.4, 1.2, 2.2, 3.2)) == ["", "high", "high low", TEXT]
    (final,) = recognizer.recognize([Speech(tones(*SAID), words=True, utterance="s/1")])
    assert final.text == TEXT
    starts = [PAUSE_S + i * (TONE_S + PAUSE_S) for i in range(3)]
    assert [word.start for word in final.words] == pytest.approx(starts, abs=0.1)


def test_only_new_audio_is_decoded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[int] = []
    accept = OnlineModel.accept

    def counted(
        model: OnlineModel, states: Sequence[object], pieces: Sequence[np.ndarray], ends: Sequence[bool]
    ) -> None:
        accepted.extend(len(piece) for piece in pieces)
        accept(model, states, pieces, ends)

    recognizer = load(directory)
    monkeypatch.setattr(OnlineModel, "accept", counted)
    previews(recognizer, (1.0, 1.5))
    recognizer.recognize([Speech(tones(*SAID)[: 2 * RATE], utterance="s/1")])
    assert accepted == [RATE, RATE // 2, RATE // 2]


def test_any_worker_can_continue_an_utterance_with_the_same_text(directory: Path) -> None:
    """A worker that has seen nothing of the utterance, and one whose state has processed other audio."""
    first, second = load(directory), load(directory)
    previews(first, (0.7, 1.6))
    assert previews(second, (2.2,)) == previews(first, (2.2,)) == ["high low"]
    other = np.concatenate([np.zeros(1_600, np.float32), tones("low")])
    first.recognize([Speech(other, final=False, utterance="s/1")])
    final = Speech(tones(*SAID), utterance="s/1")
    assert [worker.recognize([final])[0].text for worker in (first, second, first)] == [TEXT] * 3


ends = st.lists(st.integers(0, len(AUDIO)), max_size=6).map(sorted)
lost = st.sets(st.integers(0, 6))


@pytest.fixture(scope="module")
def with_states(directory: Path, zipformer: Path) -> list[Recognizer]:
    return [load(directory), load(zipformer)]


@pytest.fixture(scope="module")
def without_states(directory: Path, zipformer: Path) -> list[Recognizer]:
    return [load(directory), load(zipformer)]


@pytest.mark.parametrize(("model", "text"), [(0, TEXT), (1, "高低中")])
@settings(max_examples=40)
@given(ends=ends, lost=lost)
def test_any_division_and_any_loss_of_states_give_the_same_texts(
    with_states: list[Recognizer],
    without_states: list[Recognizer],
    model: int,
    text: str,
    ends: list[int],
    lost: set[int],
) -> None:
    for number, end in enumerate([*ends, len(AUDIO)]):
        if number in lost:  # a job with other audio takes the state
            with_states[model].recognize([Speech(AUDIO[:0], final=False, utterance="s/1")])
        final = number == len(ends)
        samples = AUDIO[:end]
        (found,) = with_states[model].recognize([Speech(samples, final=final, words=True, utterance="s/1")])
        assert [found] == without_states[model].recognize([Speech(samples, final=final, words=True)])
    assert found.text == text


def test_a_streaming_zipformer_is_known_by_its_metadata(zipformer: Path) -> None:
    recognizer = load(zipformer)
    assert (type(recognizer), recognizer.languages, recognizer.uses_hotwords) == (StreamingRecognizer, {"zh"}, True)
    previewed = [recognizer.recognize([preview(AUDIO, end_s)])[0].text for end_s in (0.4, 1.2, 2.2, 3.2)]
    assert previewed == ["", "高", "高低", "高低中"]


def test_a_streaming_zipformer_prefers_hotwords(zipformer: Path) -> None:
    recognizer = load(zipformer)
    for hotwords, expected in (("", "高低中"), ("糕", "糕低中"), ("中, 低", "高低中")):
        recognizer.recognize([preview(AUDIO, 1.2, hotwords)])
        assert recognizer.recognize([Speech(AUDIO, hotwords=hotwords, utterance="s/1")])[0].text == expected


def test_utterances_of_a_zipformer_with_different_states_share_a_batch(zipformer: Path) -> None:
    """Each writes the end of its audio from its own state."""
    recognizer = load(zipformer)
    said = [("low", "high"), ("middle", "low"), ("high", "middle")]
    heads = [preview(tones(*names), 1.2 + i / 10, utterance=f"s/{i}") for i, names in enumerate(said)]
    assert [found.text for found in recognizer.recognize(heads)] == ["低", "中", "高"]
    finals = [Speech(tones(*names), utterance=f"s/{i}") for i, names in enumerate(said)]
    assert [found.text for found in recognizer.recognize(finals)] == ["低高", "中低", "高中"]


def preview(samples: np.ndarray, end_s: float, hotwords: str = "", utterance: str = "s/1") -> Speech:
    return Speech(samples[: round(end_s * RATE)], final=False, hotwords=hotwords, utterance=utterance)


def test_the_division_of_the_audio_does_not_change_the_text(directory: Path) -> None:
    recognizer = load(directory)
    audio = tones(*SAID, *SAID)
    for number, step in enumerate((777, 4_001, 16_000)):
        ends = range(step, len(audio), step)
        pieces = [Speech(audio[:end], final=False, utterance=f"s/{number}") for end in ends]
        for piece in pieces:
            recognizer.recognize([piece])
        assert recognizer.recognize([Speech(audio, utterance=f"s/{number}")])[0].text == f"{TEXT} {TEXT}"


def test_a_state_with_other_hotwords_is_not_continued(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session may change them within an utterance, after which each worker decodes with the new ones."""
    begun: list[str] = []
    begin = OnlineModel.begin

    def noted(model: OnlineModel, speech: Speech) -> object:
        begun.append(speech.hotwords)
        return begin(model, speech)

    monkeypatch.setattr(OnlineModel, "begin", noted)
    recognizer, audio = load(directory), tones(*SAID)
    for end_s, hotwords in ((1.0, "old"), (1.5, "old"), (2.0, "new"), (2.5, "new")):
        preview = Speech(audio[: round(end_s * RATE)], final=False, hotwords=hotwords, utterance="s/1")
        recognizer.recognize([preview])
    assert begun == ["old", "new"]
    assert recognizer.recognize([Speech(audio, hotwords="new", utterance="s/1")])[0].text == TEXT
    assert begun == ["old", "new"]


def test_utterances_of_different_states_share_a_batch(directory: Path) -> None:
    recognizer = load(directory)
    previews(recognizer, (1.2,), "a/1")
    batch = [Speech(tones(*SAID), utterance="a/1"), Speech(tones("low"), utterance="b/1"), Speech(tones("high"))]
    assert [one.text for one in recognizer.recognize(batch)] == [TEXT, "low", "high"]


def test_a_model_of_another_family_is_refused(directory: Path, tmp_path: Path) -> None:
    damaged = tmp_path / directory.name
    damaged.mkdir()
    (damaged / "tokens.txt").write_bytes((directory / "tokens.txt").read_bytes())
    (damaged / "model.onnx").write_bytes((directory / "model.onnx").read_bytes()[:200])
    with pytest.raises(ModelError, match="cannot load the model"):
        load(damaged)
