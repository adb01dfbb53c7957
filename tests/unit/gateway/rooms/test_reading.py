"""The parameters of a reader."""

import pytest

from backend.errors import ProtocolError
from gateway.rooms.reading import DEFAULT_LINES, Reading, parse_reading


def test_without_parameters_the_last_spoken_lines_are_read() -> None:
    assert parse_reading("talk", {}) == Reading("talk", "", DEFAULT_LINES, "")
    assert parse_reading("talk", {"lang": "spoken"}) == Reading("talk")


def test_all_parameters_are_read() -> None:
    assert parse_reading("talk", {"lang": "es", "lines": "0", "cursor": "1-2"}) == Reading("talk", "es", 0, "1-2")


def test_the_header_of_a_browser_that_connects_again_is_newer_than_its_url() -> None:
    assert parse_reading("talk", {"cursor": "1-2"}, "3-4").cursor == "3-4"


@pytest.mark.parametrize(
    ("room", "query", "code"),
    [
        ("", {}, "invalid_message"),
        ("a" * 49, {}, "invalid_message"),
        ("a:b", {}, "invalid_message"),
        ("talk\n", {}, "invalid_message"),
        ("talk", {"lang": "xx"}, "unsupported_language"),
        ("talk", {"lang": "auto"}, "unsupported_language"),
        ("talk", {"lines": "-1"}, "invalid_message"),
        ("talk", {"lines": "1000"}, "invalid_message"),
        ("talk", {"cursor": "$"}, "invalid_message"),
    ],
)
def test_invalid_parameters_are_refused(room: str, query: dict[str, str], code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_reading(room, query)
    assert caught.value.code == code
