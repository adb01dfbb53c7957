import pytest

from backend.text.vocabulary import add_hotwords
from stt_worker.loading import load_recognizer
from stt_worker.recognizers.onnx.hotwords import Vocabulary, modeling_unit
from stt_worker.recognizers.recognizer import Recognizer, Speech
from stt_worker.settings import SttSettings
from tests.testkit.models.tone_model import tones
from tests.testkit.models.tone_transducer import write_tone_transducer


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    directory = write_tone_transducer(tmp_path_factory.mktemp("models") / "sherpa-onnx-zipformer-zh-tones")
    return load_recognizer(SttSettings(model=str(directory), threads=1))


def test_hotwords_decide_between_words_that_sound_alike(recognizer: Recognizer) -> None:
    assert recognizer.uses_hotwords
    assert not recognizer.uses_prompts
    said = tones("low", "high", "middle")
    batch = [Speech(said, "zh"), Speech(said, "zh", hotwords="糕"), Speech(said, "zh", hotwords="中, 低")]
    assert [found.text for found in recognizer.recognize(batch)] == ["低高中", "低糕中", "低高中"]


def test_hotwords_that_the_model_cannot_write_have_no_effect(
    recognizer: Recognizer, capfd: pytest.CaptureFixture[str]
) -> None:
    said = tones("low", "high")
    for hotwords in ("Nova", "糕糕糕糕", "#2.5", "糕 :100 / 低", "," * 50):
        (found,) = recognizer.recognize([Speech(said, "zh", hotwords=hotwords)])
        assert found.text == ("低糕" if "/" in hotwords else "低高"), hotwords
    assert capfd.readouterr().err == "", "hotwords must not be in logs"


def test_hotwords_are_not_written_where_nothing_was_said(recognizer: Recognizer) -> None:
    (found,) = recognizer.recognize([Speech(tones(), "zh", hotwords="糕, 低")])
    assert found.text == ""


@pytest.mark.parametrize(
    ("files", "languages", "unit"),
    [
        (["bpe.vocab"], {"en"}, "bpe"),
        (["bpe.vocab"], None, "bpe"),
        (["bpe.vocab"], {"en", "zh"}, "cjkchar+bpe"),
        ([], {"zh"}, "cjkchar"),
        ([], {"zh", "en"}, ""),
        ([], {"en"}, ""),
        ([], None, ""),
    ],
)
def test_the_unit_of_tokens_follows_from_files_and_languages(
    files: list[str], languages: set[str] | None, unit: str
) -> None:
    assert modeling_unit(files, languages) == unit


def test_phrases_are_divided_at_commas_or_spaces() -> None:
    lower = Vocabulary.read("<blk> 0\n▁nova 1\n▁voice 2\nWhisper 3\n", "bpe")
    assert lower.phrases("nova voice") == "nova/voice"
    assert lower.phrases("nova  voice, Whisper,") == "nova voice/Whisper"
    assert lower.phrases("nova/voice :2.0 #1 @x") == "nova/voice"
    assert lower.phrases("nova; voice/Whisper voice") == "nova/voice/Whisper voice"
    assert lower.phrases(" ") == ""


def test_hotwords_of_a_key_and_of_a_session_keep_their_meaning() -> None:
    words = Vocabulary.read("<blk> 0\nAnna 1\nBertil 2\nClara 3\n", "bpe")
    assert words.phrases(add_hotwords("Anna Bertil", "Clara")) == "Anna/Bertil/Clara"
    assert words.phrases(add_hotwords("", "Anna Bertil")) == "Anna Bertil"


def test_a_vocabulary_of_upper_case_letters_gets_them() -> None:
    assert Vocabulary.read("<blk> 0\n▁NO 1\nVA 2\n", "bpe").phrases("Nova") == "NOVA"
    assert Vocabulary.read("<blk> 0\n▁NO 1\nva 2\n", "bpe").phrases("NOva") == "NOva"


def test_phrases_that_the_model_cannot_write_are_left_out() -> None:
    characters = Vocabulary.read("<blk> 0\n低 1\n高 2\n", "cjkchar")
    assert characters.phrases("低高, Nova, 低 高, 糕") == "低高/低 高"
    assert Vocabulary.read("<blk> 0\n▁no 1\n低 2\n", "cjkchar+bpe").phrases("no nova 低") == "no/低"
