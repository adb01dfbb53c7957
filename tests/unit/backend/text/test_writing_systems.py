"""Splitting text into words in scripts with and without spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.writing_systems import is_letter, sentence_separator, separate_unspaced, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't go -- now!", ["Don't", " go", " -- now"]),
        ("今天 AI 很好。", ["今", "天", " AI", " 很", "好"]),
        ("人々がテレビを", ["人", "々", "が", "テ", "レ", "ビ", "を"]),
        ("ﾃﾚﾋﾞ", ["ﾃ", "ﾚ", "ﾋ", "ﾞ"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("ນ້ຳ", ["ນ້", "ຳ"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("ကျွန်", ["ကျွ", "န်"]),
        ("བོད་ཡིག", ["བོ", "ད", "་ཡི", "ག"]),
        ("ꦗꦮ", ["ꦗ", "ꦮ"]),
    ],
)
def test_a_character_with_its_marks_is_a_word_in_scripts_without_spaces(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["한국어 문장", "Basa Jawa", "हिन्दी वाक्य", "câu tiếng"])
def test_languages_that_write_spaces_are_split_at_spaces(text: str) -> None:
    assert [word.strip() for word in split_words(text)] == text.split()


@given(st.text() | st.text(st.sampled_from("aB1 今い한ไว้ខ្.,。་")))
def test_joined_words_are_the_text_up_to_its_last_letter(text: str) -> None:
    words = split_words(text)
    last = max((i + 1 for i, character in enumerate(text) if is_letter(character)), default=0)
    assert "".join(words) == text[:last]
    assert all(is_letter(word[-1]) for word in words)


@given(st.text())
def test_separating_characters_changes_nothing_but_spaces(text: str) -> None:
    assert separate_unspaced(text).replace(" ", "") == text.replace(" ", "")


UNSPACED = ("zho_Hans", "zho_Hant", "yue_Hant", "jpn_Jpan")
SPACED = ("kor_Hang", "tha_Thai", "khm_Khmr", "mya_Mymr", "eng_Latn")


@pytest.mark.parametrize(
    ("language", "separator"), [*((code, "") for code in UNSPACED), *((code, " ") for code in SPACED)]
)
def test_only_chinese_and_japanese_write_no_space_between_sentences(language: str, separator: str) -> None:
    assert sentence_separator(language) == separator
