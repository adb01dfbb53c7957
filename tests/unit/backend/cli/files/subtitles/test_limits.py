"""The limits of cues by script."""

import pytest

from backend.cli.files.subtitles.limits import CueLimits, ReadingLimits


@pytest.mark.parametrize(
    ("text", "language", "line_length"),
    [
        ("Good evening", "en", 42),
        ("สวัสดีครับ", "th", 42),
        ("今天天气很好", "zh", 16),
        ("今天天氣很好", "yue", 16),
        ("東京大学", "ja", 13),
        ("東京に行く", "zh", 13),
        ("안녕하세요", "ko", 16),
        ("Good evening", "ja", 42),
        ("我在Microsoft工作", "en", 16),
    ],
)
def test_lines_are_as_long_as_the_script_of_the_text_allows(text: str, language: str, line_length: int) -> None:
    assert CueLimits().for_text(text, language).line_length == line_length


def test_chosen_limits_apply_to_every_script() -> None:
    assert CueLimits(line_length=30, reading_speed=15).for_text("今天", "zh") == ReadingLimits(30, 15)
    assert CueLimits(reading_speed=15).for_text("Hello", "en") == ReadingLimits(42, 15)
