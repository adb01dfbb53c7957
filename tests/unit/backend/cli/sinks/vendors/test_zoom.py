"""The requests that Zoom documents."""

from urllib.parse import parse_qs, urlsplit

import pytest

from backend.cli.sinks.vendors.zoom import ZoomUrls, zoom_body, zoom_language
from tests.unit.backend.cli.sinks.captions import caption

# The example of the documentation.
URL = (
    "https://wmcapi.zoom.us/closedcaption?id=200610693&ns=GZHkEA==&expire=86400&spparams=id%2Cns%2Cexpire"
    "&signature=nYtXJqRKCW"
)


def test_a_caption_has_a_number_and_a_language_next_to_the_signed_parameters() -> None:
    url = ZoomUrls(URL).caption(7, "es")
    assert url.startswith("https://wmcapi.zoom.us/closedcaption?")
    query = parse_qs(urlsplit(url).query)
    assert (query.pop("seq"), query.pop("lang")) == (["7"], ["es-ES"])
    assert query == parse_qs(urlsplit(URL).query)


def test_the_last_number_is_read_with_the_same_parameters() -> None:
    url = ZoomUrls(f"{URL}&seq=3&lang=en-US").last_number()
    assert urlsplit(url).path == "/closedcaption/seq"
    assert parse_qs(urlsplit(url).query) == parse_qs(urlsplit(URL).query)


def test_the_language_of_the_url_replaces_those_of_captions() -> None:
    assert ZoomUrls(f"{URL}&lang=pt-BR").caption(1, "pt").endswith("&seq=1&lang=pt-BR")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("en", "en-US"), ("de", "de-DE"), ("ja", "jp-JP"), ("zh", "zh-CN"), ("zh-Hant", "zh-CN"), ("it", "it-IT")],
)
def test_languages_have_a_region(code: str, expected: str) -> None:
    assert zoom_language(code) == expected


def test_a_caption_ends_its_line() -> None:
    assert zoom_body(caption("SEVERAL", "CAPTIONS.")) == "SEVERAL\nCAPTIONS.\n"
