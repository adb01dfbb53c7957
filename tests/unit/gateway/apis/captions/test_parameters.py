"""The parameters of caption feeds."""

import pytest

from backend.errors import ProtocolError
from gateway.apis.captions.parameters import FeedQuery, parse_feed_query, parse_segment, segment_query


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ({}, FeedQuery("talk")),
        ({"language": "spoken"}, FeedQuery("talk")),
        ({"language": "es", "follow": "1"}, FeedQuery("talk", "es", is_followed=True)),
        ({"lang": "zh-Hant", "epoch_ms": "1796000000000"}, FeedQuery("talk", "zh-Hant", 1_796_000_000_000)),
    ],
)
def test_a_query_is_read(query: dict[str, str], parsed: FeedQuery) -> None:
    assert parse_feed_query("talk", query) == parsed


@pytest.mark.parametrize(
    ("room", "query", "code"),
    [
        ("Talk!", {}, "invalid_message"),
        ("talk", {"language": "xx"}, "unsupported_language"),
        ("talk", {"epoch_ms": "-1"}, "invalid_message"),
        ("talk", {"epoch_ms": "123456789012345"}, "invalid_message"),
        ("talk", {"follow": "yes"}, "invalid_message"),
    ],
)
def test_an_invalid_query_is_refused(room: str, query: dict[str, str], code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_feed_query(room, query)
    assert refused.value.code == code


@pytest.mark.parametrize("number", ["", "-1", "1.5", "x", "1" * 13, "١"])
def test_a_segment_has_a_number(number: str) -> None:
    assert parse_segment("12") == 12
    with pytest.raises(ProtocolError):
        parse_segment(number)


def test_segments_get_what_the_playlist_was_requested_with() -> None:
    assert segment_query({}) == ""
    query = {"language": "es", "token": "read_a&b", "epoch_ms": "5", "_HLS_msn": "7"}
    assert segment_query(query) == "?language=es&token=read_a%26b&epoch_ms=5"
