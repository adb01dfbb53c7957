"""Chinese and Japanese numbers with units."""

import pytest

from stt_worker.formatting.formatter import Formatter


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("zh", "二零二六年五月二十三日", "2026年5月23日"),
        ("zh", "二〇〇八年开始，十月一号放假", "2008年开始，10月1号放假"),
        ("zh", "百分之二十五，百分之三点五", "25%，3.5%"),
        ("zh", "他有三百五十块钱和一百二十万美元", "他有350块钱和120万美元"),
        ("zh", "两亿三千萬元，一千零五元", "2亿3000萬元，1005元"),
        ("yue", "百分之五，五十蚊，二零二六年", "5%，50蚊，2026年"),
        ("ja", "二千二十六年五月二十三日、令和八年五月三日", "2026年5月23日、令和8年5月3日"),
        ("ja", "三百五十円、二十ドル、一億二千万円", "350円、20ドル、1億2000万円"),
        ("ja", "二十五パーセントと三点五パーセント", "25%と3.5%"),
    ],
)
def test_numbers_with_units_are_written_in_digits(language: str, text: str, expected: str) -> None:
    assert Formatter(["numerals"], language).complete(text) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "一般来说，三三两两，十分感谢，千万别去，万一下雨，一百个人"),
        ("zh", "五月天，三年五月，十三月五日，五月三十"),
        ("zh", "两三千元，七八十块钱，几十元，五十几元，三百五块钱，三十元素，百元"),
        ("zh", "百分之五十多，百分之几"),
        ("ja", "千葉県、十分です、一人、百円ショップ、千円、五月"),
        ("ko", "三百五十円"),
    ],
)
def test_characters_that_may_be_no_exact_numbers_stay(language: str, text: str) -> None:
    assert Formatter(["numerals"], language).complete(text) == text


@pytest.mark.parametrize(
    ("text", "settled"),
    [("他有三百", "他有"), ("他有三百五十块", "他有"), ("他有三百五十块钱吗", "他有350块钱吗"), ("今年五月二", "今年")],
)
def test_a_number_is_settled_after_the_next_other_character(text: str, settled: str) -> None:
    assert Formatter(["numerals"], "zh").settled(text) == settled
