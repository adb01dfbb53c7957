"""The length that a file declares."""

import pytest

from backend.cli.files.media.declared_length import _clock_s


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("00:01:02.500000000", 62.5),
        ("1:00:00", 3_600.0),
        ("abc", None),
        ("", None),
        ("0:0:inf", None),
        ("0:0:nan", None),
    ],
)
def test_a_tag_that_is_no_time_says_nothing(tag: str, seconds: float | None) -> None:
    assert _clock_s(tag) == seconds
