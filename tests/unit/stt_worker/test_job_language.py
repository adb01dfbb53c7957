from typing import Any

import pytest

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final
from stt_worker.job_language import allowed_languages, in_requested_script, last_language
from stt_worker.outcomes import final_outcome, preview_outcome
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord
from tests.testkit.streams.jobs import job


def chinese(*words: str, language: str = "zh") -> Hypothesis:
    """A hypothesis with words of 0.3 s."""
    timed = tuple(RecognizedWord(word, 0.3 * i, 0.3 * (i + 1), 0.9) for i, word in enumerate(words))
    return Hypothesis("".join(words), language, 1.0, -0.2, 0.0, timed)


def asked(*codes: str, **more: Any) -> AudioJob:
    return job(1, language="zh" if codes else None, expected=codes, **{"end_ms": 2_000, **more})


def test_the_allowed_languages_are_those_that_the_model_knows() -> None:
    auto = job(1, language=None, allowed=("yue", "de", "zh"), heard="fr")
    assert allowed_languages(auto, {"zh", "de", "fr"}) == ("zh", "de")
    assert allowed_languages(auto, None) == ("yue", "de", "zh")
    assert last_language(auto, {"zh", "de", "fr"}) is None, "the session no longer allows it"
    assert last_language(job(1, language=None, heard="fr"), {"fr"}) == "fr"


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ((), "欢迎大家"),
        (("zh",), "欢迎大家"),
        (("zh-CN",), "欢迎大家"),
        (("zh-TW",), "歡迎大家"),
        (("zh-Hant",), "歡迎大家"),
        (("zh-HK",), "歡迎大家"),
        (("yue",), "歡迎大家"),
    ],
)
@pytest.mark.parametrize("recognized", ["欢迎大家", "歡迎大家"])
def test_the_text_has_the_script_that_was_asked_for(codes: tuple[str, ...], text: str, recognized: str) -> None:
    written = in_requested_script(asked(*codes), chinese(*recognized))
    assert written.text == text
    assert "".join(word.text for word in written.words) == text


def test_of_several_languages_the_code_of_the_recognized_one_decides() -> None:
    either = job(1, expected=("en", "zh-TW"))
    assert in_requested_script(either, chinese("欢", "迎")).text == "歡迎"
    assert in_requested_script(either, chinese("欢", "迎", language="ja")).text == "欢迎"


@pytest.mark.parametrize(("codes", "text"), [(("en", "yue"), "歡迎"), (("yue", "zh"), "欢迎"), (("yue", "en"), "歡迎")])
def test_cantonese_keeps_its_script_where_chinese_takes_its_place(codes: tuple[str, ...], text: str) -> None:
    either = job(1, language=None, expected=codes)
    assert in_requested_script(either, chinese("欢", "迎")).text == text


@pytest.mark.parametrize(
    ("code", "text"), [("sr-Latn", "Ljubav"), ("sr-ME", "Ljubav"), ("sr-Cyrl", "Љубав"), ("sr", "Љубав")]
)
@pytest.mark.parametrize("recognized", ["Ljubav", "Љубав"])
def test_serbian_has_the_script_that_was_asked_for(code: str, text: str, recognized: str) -> None:
    serbian = job(1, language="sr", expected=(code,), end_ms=2_000)
    written = in_requested_script(serbian, chinese(recognized, language="sr"))
    assert (written.text, "".join(word.text for word in written.words)) == (text, text)


@pytest.mark.parametrize("language", ["en", "ja", "xx"])
def test_other_languages_and_unknown_ones_stay_as_they_are(language: str) -> None:
    hypothesis = chinese("歡", "迎", language=language)
    assert in_requested_script(job(1, language=language, expected=(language,)), hypothesis) == hypothesis


def test_committed_words_keep_their_spelling_in_a_stable_final() -> None:
    stable = asked("zh-TW", committed="台灣", finals="stable")
    assert in_requested_script(stable, chinese("台", "灣", "头", "发")).text == "台灣頭髮"


def test_a_change_of_script_between_decodes_does_not_change_committed_words() -> None:
    decodes = ["歡迎大家", "欢迎大家來", "歡迎大家来体", "欢迎大家來體驗"]
    shown: dict[str, Any] = {}
    captions = []
    for seconds, text in enumerate(decodes, 2):
        step = asked("zh", kind="preview", end_ms=1_000 * seconds, **shown)
        (partial,) = preview_outcome(step, in_requested_script(step, chinese(*text))).live
        shown = partial.model_dump(include={"committed", "tentative", "hypothesis"})
        captions.append(shown["committed"])
    last = asked("zh", end_ms=6_000, **shown)
    (final,) = final_outcome(last, in_requested_script(last, chinese(*"歡迎大家來體驗"))).durable
    assert isinstance(final, Final)
    assert captions[-1].startswith("欢迎大家")
    for committed in captions:
        assert final.text.startswith(committed)
