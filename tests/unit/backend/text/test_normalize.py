"""Different spellings of the same words are equal after normalization."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.normalize import letters, normalized_words


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Mr. Brown has TWO dogs; they won't bark", "mister brown has 2 dogs they will not bark", "en"),
        ("Straße - ja!", "straße ja", "de"),
        ("今天 天气", "今天天气。", "zh"),
        ("我用 AI。", "我用ai", "zh"),
        ("สวัสดี ครับ", "สวัสดีครับ", "th"),
        ("ສະບາຍດີ ທ່ານ", "ສະບາຍດີທ່ານ", "lo"),
        ("ជំរាប សួរ", "ជំរាបសួរ", "km"),
        ("မင်္ဂလာ ပါ", "မင်္ဂလာပါ", "my"),
    ],
)
def test_case_punctuation_and_spelling_variants_do_not_count(one: str, other: str, language: str) -> None:
    assert normalized_words(one, language) == normalized_words(other, language)


def test_korean_words_are_separated_by_spaces() -> None:
    assert normalized_words("한국어 문장입니다.", "ko") == ["한국어", "문장입니다"]


def test_english_variants_are_normalized_in_english_only() -> None:
    assert normalized_words("one", "en") == ["1"]
    assert normalized_words("one", "fr") == ["one"]


@given(st.text())
def test_letters_ignore_case_punctuation_and_spaces(text: str) -> None:
    assert letters(f" {text}... ") == letters(text)
