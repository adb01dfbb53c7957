"""Where a text may be divided, in any script."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.text.line_breaks import split_anywhere, split_phrases

MIXED = st.text(st.sampled_from("aB'é.,!?— \n-/5€的日。，「」한กำສະខ្មែរမြန်བོད་ꦗꦮ😀\u200d\ufe0f")) | st.text()


@pytest.mark.parametrize(
    ("language", "pieces"),
    [
        ("en", ["A ", "well-known ", "U.S. ", "company ", "paid ", "$3.50 ", "(about ", "3 ", "€)."]),
        ("th", ["สวัสดี", "ครับ", "ผม", "ชื่อ", "สมชาย ", "ผม", "เป็น", "นักเรียน"]),
        ("lo", ["ສະບາຍດີ", "ຂ້ອຍ", "ຊື່"]),
        ("km", ["សួស្តី", "ខ្ញុំ", "ឈ្មោះ", "សុខ"]),
        ("my", ["ကျွန်", "တော့်", "နာမည်", "က", "အောင်"]),
        ("zh", ["他的", "做法", "遭到", "了", "很多", "人的", "反对，", "因为", "Microsoft", "公司"]),
        ("ja", ["私は", "昨日", "東京に", "行って、", "友達と", "ラーメンを", "食べました。", "3時に", "帰る"]),
        ("ko", ["저는 ", "어제 ", "서울에 ", "가서 ", "친구를 ", "만났습니다."]),
        ("bo", ["བོད་", "སྐད་", "ཡིག"]),
        ("jv", ["ꦲ", "ꦤ", "ꦕ"]),
    ],
)
def test_text_is_divided_between_words_of_its_script(language: str, pieces: list[str]) -> None:
    assert split_phrases("".join(pieces), language) == pieces


@given(MIXED, st.sampled_from(["en", "th", "ja", "ko", "zh", "km", "xx", "auto"]))
def test_no_character_is_lost_and_none_is_divided_from_its_marks(text: str, language: str) -> None:
    pieces = split_phrases(text, language)
    assert "".join(pieces) == text
    for piece in pieces[1:]:
        # A mark without a letter, as after a space, is a character of its own.
        assert unicodedata.category(piece[0]) != "Mn" or text[text.index(piece) - 1].isspace()


@given(MIXED, st.integers(1, 20))
def test_a_text_is_divided_into_short_pieces_between_characters(text: str, longest: int) -> None:
    pieces = split_anywhere(text, longest)
    assert "".join(pieces) == text
    assert all(len(piece) <= longest or len(split_anywhere(piece, 1)) == 1 for piece in pieces)


def test_a_character_and_its_marks_are_not_divided() -> None:
    assert split_anywhere("กำกำ👨‍👩‍👧", 3) == ["กำ", "กำ", "👨‍👩‍👧"]
