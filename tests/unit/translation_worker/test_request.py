from typing import Any

import pytest

from tests.testkit.streams.jobs import transcript
from translation_worker.request import TranslationRequest


def requested(target: str, text: str = "歡迎大家", language: str = "zh", **more: Any) -> TranslationRequest:
    return TranslationRequest(transcript(1, text=text, language=language, translate_to=(target,), **more), target)


@pytest.mark.parametrize(
    ("target", "text"),
    [("zh", "欢迎大家"), ("zh-CN", "欢迎大家"), ("zh-TW", "歡迎大家"), ("zh-HK", "歡迎大家"), ("zho_Hant", "歡迎大家")],
)
@pytest.mark.parametrize("recognized", ["欢迎大家", "歡迎大家"])
def test_chinese_is_rewritten_in_the_script_of_the_reader(target: str, text: str, recognized: str) -> None:
    request = requested(target, recognized)
    assert request.needs_no_model
    assert request.rewritten() == text


def test_serbian_is_rewritten_in_the_alphabet_of_the_reader() -> None:
    assert requested("sr-Latn", "Љубав", "sr").rewritten() == "Ljubav"
    assert requested("sr", "Ljubav", "sr").rewritten() == "Љубав"


@pytest.mark.parametrize(("language", "target"), [("yue", "zh-TW"), ("zh", "en"), ("ar", "arz"), ("zh", "ja")])
def test_another_language_needs_a_model(language: str, target: str) -> None:
    assert not requested(target, language=language).needs_no_model


def test_a_model_receives_the_script_that_it_knows_and_the_reader_the_one_asked_for() -> None:
    request = requested("zh-TW", "Hello", "en", kind="preview", translated={"zh-TW": "歡迎"})
    passage = request.passage("zho_Hans", beam_size=4)
    assert (passage.text, passage.prefix, passage.target) == ("Hello", "欢迎", "zho_Hans")
    assert request.deliver(passage, "欢迎光临，头发") == "歡迎光臨，頭髮"
    assert requested("en").passage("eng_Latn", 4).text == "欢迎大家", "the code of the source names Simplified Chinese"


def test_shown_text_stays_when_its_translation_continues_in_another_alphabet() -> None:
    request = requested("sr-Latn", "Hello", "en", kind="preview", translated={"sr-Latn": "Volim Windows, volim"})
    passage = request.passage("srp_Cyrl", beam_size=4)
    assert passage.prefix == "Волим Windows, волим"
    assert request.deliver(passage, f"{passage.prefix} љубав") == "Volim Windows, volim ljubav"
