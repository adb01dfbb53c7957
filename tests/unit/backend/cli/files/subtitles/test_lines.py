"""Text is divided into lines."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.lines import cheapest_division, count_lines, joined, lay_out
from backend.cli.files.subtitles.units import TimedText, TimedWord, Unit, units_of


def units(text: str, language: str = "en") -> list[Unit]:
    return units_of([TimedText([TimedWord(text, 0, 900)], language)], CueLimits())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Good evening, everybody.", ("Good evening, everybody.",)),
        (
            "The quick brown fox jumps over the lazy dog again.",
            ("The quick brown fox jumps", "over the lazy dog again."),
        ),
        (
            "Nobody has ever been able to live in the house at the lake.",
            ("Nobody has ever been able", "to live in the house at the lake."),
        ),
        ("When the winter came, everybody went back home.", ("When the winter came,", "everybody went back home.")),
    ],
)
def test_lines_are_about_equally_long_and_end_at_good_places(text: str, lines: tuple[str, ...]) -> None:
    assert lay_out(units(text)) == lines


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        ("zh", "因为他们认为这样做对大家都不公平。", ("因为他们认为这样", "做对大家都不公平。")),
        (
            "ja",
            "私は昨日友達と東京に行ってラーメンを食べました。",
            ("私は昨日友達と東京に行って", "ラーメンを食べました。"),
        ),
    ],
)
def test_scripts_without_spaces_are_divided_between_words(language: str, text: str, lines: tuple[str, ...]) -> None:
    assert lay_out(units(text, language)) == lines


# A word in Latin letters may be longer than a line of Chinese.
@example("a" * 17 + "日")
@given(st.text(st.sampled_from("abc, .的日。กำ"), min_size=1).filter(str.strip))
def test_no_line_is_too_long_and_there_are_no_more_than_necessary(text: str) -> None:
    some = units(text)
    lines = lay_out(some)
    assert len(lines) == count_lines(some)
    words = [unit.text for unit in some]
    assert all(len(line) <= some[0].limits.line_length or line in words for line in lines)
    assert all(len(word) <= CueLimits().for_text(word, "en").line_length for word in words)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_line_has_spaces_only_between_its_words() -> None:
    assert joined(units(" one  two\n三 four ")[1:]) == "two 三 four"


@given(st.lists(st.integers(1, 9), max_size=9), st.integers(1, 20))
def test_the_cheapest_division_has_every_item_once_and_refuses_parts(sizes: list[int], most: int) -> None:
    def cost(start: int, end: int) -> float | None:
        total = sum(sizes[start:end])
        return None if total > most and end - start > 1 else 1 + (most - total) ** 2

    parts = cheapest_division(len(sizes), cost)
    assert [place for start, end in parts for place in range(start, end)] == list(range(len(sizes)))
    assert all(cost(*part) is not None for part in parts)
