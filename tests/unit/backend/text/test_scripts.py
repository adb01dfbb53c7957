import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.scripts import continue_in_script, fold_script, to_script, words_to_script

SIMPLIFIED = "欢迎大家来体验语音识别，头发很长，皇后在后面。"
TAIWAN = "歡迎大家來體驗語音識別，頭髮很長，皇后在後面。"
CYRILLIC = "Њих двоје љубе џем, А ЊЕГОШ пише ЉУБАВ и Ђурђевдан."
LATIN = "Njih dvoje ljube džem, A NJEGOŠ piše LJUBAV i Đurđevdan."
CHINESE = st.text(alphabet=st.sampled_from("头發发髮后後面里裡裏乾干幹着著台臺灣湾为為爲，。 AI"), max_size=30)


@pytest.mark.parametrize(
    ("text", "script", "expected"),
    [
        (TAIWAN, "Hans", SIMPLIFIED),
        (SIMPLIFIED, "Hant", TAIWAN),
        ("为什么在里面吃面", "Hant", "為什麼在裡面吃麵"),
        ("为什么在里面吃面", "Hant-HK", "為什麼在裏面吃麪"),
        ("歡迎大家来 2026 AI", "Hans", "欢迎大家来 2026 AI"),
        (CYRILLIC, "Latn", LATIN),
        (LATIN, "Cyrl", CYRILLIC),
        ("injekcija, nadživeti, konjunktura i konj", "Cyrl", "инјекција, надживети, конјунктура и коњ"),
        ("vinjeta i Windows", "Cyrl", "вињета и Windows"),
        ("語音", "", "語音"),
        ("", "Hant", ""),
    ],
)
def test_a_text_is_written_in_the_script(text: str, script: str, expected: str) -> None:
    assert to_script(text, script) == expected


@given(CHINESE)
def test_simplified_text_stays_as_it_is_and_has_no_traditional_characters(text: str) -> None:
    simplified = to_script(text, "Hans")
    assert to_script(simplified, "Hans") == simplified
    assert not set(simplified) & set("發髮後裡裏幹灣為爲")


@given(st.text(alphabet="абвгдђежзијклљмнњопрстћуфхцчџш АЉЊЏ.,", max_size=40))
def test_cyrillic_is_legible_in_latin_script(text: str) -> None:
    latin = to_script(text, "Latn")
    assert not any("Ѐ" <= character <= "ӿ" for character in latin)
    assert to_script(latin, "Latn") == latin


def test_words_of_one_text_are_converted_in_their_context() -> None:
    assert words_to_script(["头", "发", "很", "长", "，", "出", "发"], "Hant") == [
        "頭",
        "髮",
        "很",
        "長",
        "，",
        "出",
        "發",
    ]
    assert words_to_script(["Њих ", "двоје"], "Latn") == ["Njih ", "dvoje"]


@given(st.lists(CHINESE, max_size=6), st.sampled_from(["Hans", "Hant", "Hant-HK", ""]))
def test_the_converted_words_are_the_converted_text(words: list[str], script: str) -> None:
    converted = words_to_script(words, script)
    assert len(converted) == len(words)
    assert "".join(converted) == to_script("".join(words), script)


@given(CHINESE, CHINESE, st.sampled_from(["Hans", "Hant", "Latn"]))
def test_text_that_is_shown_stays_when_it_is_continued(prefix: str, more: str, script: str) -> None:
    assert continue_in_script(prefix, prefix + more, script).startswith(prefix)


def test_both_chinese_scripts_compare_equal() -> None:
    assert fold_script("歡迎大家來") == fold_script("欢迎大家来")
    assert fold_script("Grüße, мир") == "Grüße, мир"
