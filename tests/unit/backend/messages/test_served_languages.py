from collections.abc import Mapping
from typing import Any

import pytest

from backend.errors import ProtocolError
from backend.messages.protocol import Error, Notice, Start
from backend.messages.served_languages import ServedLanguages, ServedPairs, recognized_code

OLD = {"kind": "stt", "name": "old"}
MULTILINGUAL = {"kind": "stt", "languages": ["de", "en", "zh"]}
ENGLISH = {"kind": "stt", "languages": ["en"]}


def translator(sources: list[str], targets: list[str], described: str) -> Mapping[str, Any]:
    pairs = ServedPairs.with_scripts(sources, targets)
    return {"kind": "translation", "pairs": [described], "translates": [pairs.announcement()]}


@pytest.mark.parametrize(
    ("heartbeats", "expected"),
    [
        ([], None),
        ([{"kind": "gateway"}], None),
        ([{"kind": "stt"}], False),
        ([{"kind": "stt"}, {"kind": "stt", "turns": True}], True),
    ],
)
def test_one_worker_is_enough_to_judge_turns(heartbeats: list[dict[str, Any]], expected: bool | None) -> None:
    served = ServedLanguages.announced(heartbeats)
    assert served.turns is expected
    notices = [event.code for event in served.limits(Start(turn_threshold=0.7))]
    assert notices == (["turns_not_judged"] if expected is False else [])
    assert served.limits(Start()) == []


@pytest.mark.parametrize(
    ("heartbeats", "expected"),
    [([], None), ([{"kind": "gateway"}, {"kind": "stt"}], False), ([{"kind": "stt"}, {"kind": "translation"}], True)],
)
def test_a_translation_worker_of_any_release_is_known(heartbeats: list[dict[str, Any]], expected: bool | None) -> None:
    assert ServedLanguages.announced(heartbeats).translators is expected


@pytest.mark.parametrize(
    ("heartbeats", "expected"), [([], None), ([OLD], False), ([OLD, {"kind": "stt", "voices": True}], True)]
)
def test_one_worker_is_enough_to_describe_voices(heartbeats: list[dict[str, Any]], expected: bool | None) -> None:
    served = ServedLanguages.announced(heartbeats)
    assert served.voices is expected
    assert served.abilities.voices is expected
    notices = [event.code for event in served.limits(Start(speakers=True))]
    assert notices == (["speakers_not_labelled"] if expected is False else [])


NO_PROMPTS = {"kind": "stt", "prompts": False, "word_times": False}


@pytest.mark.parametrize(
    ("heartbeats", "expected"),
    [
        ([], None),
        ([OLD], True),
        ([OLD, {"kind": "stt", "prompts": True, "word_times": True}], True),
        ([OLD, NO_PROMPTS], False),
    ],
)
def test_prompts_and_times_of_words_need_every_worker(heartbeats: list[dict[str, Any]], expected: bool | None) -> None:
    served = ServedLanguages.announced(heartbeats)
    assert (served.prompts, served.word_times) == (expected, expected)
    options = (Start(prompt="Nova"), Start(hotwords="Nova"), Start(words=True), Start())
    codes = [[event.code for event in served.limits(one)] for one in options]
    ignored = [["prompt_ignored"], ["prompt_ignored"], ["word_times_estimated"], []]
    assert codes == (ignored if expected is False else [[]] * 4)


@pytest.mark.parametrize(
    ("heartbeats", "expected"), [([], None), ([OLD], False), ([OLD, {"kind": "stt", "denoise": True}], True)]
)
def test_one_worker_is_enough_to_reduce_noise(heartbeats: list[dict[str, Any]], expected: bool | None) -> None:
    served = ServedLanguages.announced(heartbeats)
    assert served.denoise is expected
    assert served.abilities.denoise is expected
    for denoise in ("on", "auto"):
        notices = [event.code for event in served.limits(Start.model_validate({"denoise": denoise}))]
        assert notices == (["noise_not_reduced"] if expected is False else [])
    assert served.limits(Start()) == []


TRANSLATES = {"kind": "stt", "tasks": ["transcribe", "translate"]}
TRANSCRIBES = {"kind": "stt", "tasks": ["transcribe"]}


@pytest.mark.parametrize(
    ("heartbeats", "expected"),
    [
        ([], None),
        ([{"kind": "gateway"}], None),
        ([OLD], False),
        ([TRANSLATES], True),
        ([TRANSLATES, OLD], False),
        ([TRANSLATES, TRANSCRIBES], False),
    ],
)
def test_speech_is_translated_only_if_every_recognizer_can(
    heartbeats: list[dict[str, Any]], expected: bool | None
) -> None:
    """Any of the workers may receive the job. Those of earlier releases would transcribe it."""
    served = ServedLanguages.announced(heartbeats)
    assert served.english is expected
    assert served.limits(Start()) == []
    if expected is False:
        with pytest.raises(ProtocolError) as refused:
            served.limits(Start(task="translate"))
        assert refused.value.code == "unsupported_task"
    else:
        assert served.limits(Start(task="translate")) == []
    assert served.abilities.limits(Start(task="translate")) == [], "a resumed session was accepted before"


def test_translated_speech_is_translated_further_from_english() -> None:
    served = ServedLanguages.announced([TRANSLATES, {**TRANSLATES, "languages": ["de", "en", "zh"]}, EN_ZH])
    assert served.limits(Start(language="de", task="translate", translate_to=("zh",))) == []
    (error,) = served.limits(Start(language="de", translate_to=("zh",)))
    assert error.code == "translation_unavailable"


ZH_EN = translator(["zho_Hans", "zho_Hant"], ["eng_Latn"], "Chinese to English")
EN_ZH = translator(["eng_Latn"], ["zho_Hans"], "English to Chinese")


@pytest.mark.parametrize("heartbeats", [[], [OLD], [{"languages": "all", "translates": 7}]])
def test_without_an_announcement_every_language_of_the_table_is_accepted(heartbeats: list[dict[str, Any]]) -> None:
    served = ServedLanguages.announced(heartbeats)
    assert (served.speech, served.pairs) == (None, None)
    assert served.recognized_as("yue") == "yue"
    assert served.limits(Start(language="yue", translate_to=("es", "zh-TW"))) == []


@pytest.mark.parametrize(
    ("heartbeats", "code", "recognized"),
    [
        ([MULTILINGUAL], "zh-TW", "zh"),
        ([MULTILINGUAL], "yue", "zh"),
        ([MULTILINGUAL, OLD], "de", "de"),
        ([ENGLISH], "en-GB", "en"),
        ([ENGLISH], "auto", None),
        ([{"languages": ["yue", "zh"]}], "yue", "yue"),
        ([{"languages": ["no"]}], "nn", "no"),
    ],
)
def test_a_language_is_recognized_under_the_code_of_the_model(
    heartbeats: list[dict[str, Any]], code: str, recognized: str | None
) -> None:
    assert ServedLanguages.announced(heartbeats).recognized_as(code) == recognized


@pytest.mark.parametrize(
    ("heartbeats", "code", "listed"),
    [
        ([MULTILINGUAL], "fr", "de, en, zh"),
        ([ENGLISH], "yue", "en"),
        ([MULTILINGUAL, ENGLISH], "de", "en"),
        ([ENGLISH, {"languages": ["de"]}], "en", "none"),
    ],
)
def test_a_language_that_a_worker_lacks_is_refused_with_those_that_are_served(
    heartbeats: list[dict[str, Any]], code: str, listed: str
) -> None:
    with pytest.raises(ProtocolError) as refused:
        ServedLanguages.announced(heartbeats).recognized_as(code)
    assert refused.value.code == "unsupported_language"
    assert refused.value.message.endswith(f"served are: {listed}")


def test_a_substituted_language_is_reported() -> None:
    (notice,) = ServedLanguages.announced([MULTILINGUAL]).limits(Start(language="yue"))
    assert isinstance(notice, Notice)
    assert notice.code == "language_substituted"
    assert "Cantonese" in notice.message


def test_a_language_to_choose_from_is_reported_as_well() -> None:
    notices = ServedLanguages.announced([MULTILINGUAL]).limits(Start(languages=("en", "yue")))
    assert [notice.code for notice in notices] == ["language_substituted"]


def test_a_script_that_texts_do_not_have_is_reported() -> None:
    start = Start(language="zh-Latn", translate_to=("sr-Latn", "uz-Cyrl"))
    spoken, translated = ServedLanguages().limits(start)
    assert (spoken.code, spoken.language) == ("script_not_written", None)
    assert (translated.code, translated.language) == ("script_not_written", "uz-Cyrl")
    assert "Latn" in spoken.message
    assert "Uzbek" in translated.message


@pytest.mark.parametrize(
    ("language", "target", "served"),
    [
        ("zh", "en", True),
        ("zh-TW", "en", True),
        ("en", "zh-TW", True),
        ("en", "zh", True),
        ("zh", "zh-HK", True),
        ("de", "de", True),
        ("auto", "en", True),
        ("auto", "fr", False),
        ("en", "fr", False),
        ("de", "en", False),
        ("la", "en", False),
    ],
)
def test_a_pair_that_no_worker_translates_is_an_error(language: str, target: str, served: bool) -> None:
    events = ServedLanguages.announced([ZH_EN, EN_ZH]).limits(Start(language=language, translate_to=(target,)))
    assert [event.language for event in events] == ([] if served else [target])
    for event in events:
        assert isinstance(event, Error)
        assert event.code == "translation_unavailable"
        assert not event.fatal
        assert "Chinese to English; English to Chinese" in event.message


def test_an_announcement_is_read_back() -> None:
    served = ServedLanguages.announced([EN_ZH])
    assert served.pairs == (ServedPairs.with_scripts(["eng_Latn"], ["zho_Hans"]),)
    assert served.pairs[0].targets == {"zho_Hans", "zho_Hant"}


def test_a_model_of_unknown_languages_receives_every_code() -> None:
    assert recognized_code("yue", None) == "yue"
    assert recognized_code("yue", {"zh"}) == "zh"
    assert recognized_code("fr", {"zh"}) is None
