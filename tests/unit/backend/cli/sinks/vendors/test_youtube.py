"""The requests that YouTube documents."""

from urllib.parse import parse_qs, urlsplit

from backend.cli.sinks.vendors.youtube import YouTubeRequests, youtube_body, youtube_time
from tests.unit.backend.cli.sinks.captions import caption

# From "Live Caption Vendor info": 2012-12-24T00:00:06.873.
EXAMPLE_TIME, EXAMPLE = 1_356_307_206.873, "2012-12-24T00:00:06.873"
URL = "http://upload.youtube.com/closedcaption?cid=abcd-1234&sparams=id%2Cns%2Cexpire"


def test_times_are_those_of_the_documentation() -> None:
    assert youtube_time(EXAMPLE_TIME) == EXAMPLE
    assert youtube_time(1_356_307_206.0) == "2012-12-24T00:00:06.000"


def test_a_body_has_the_time_and_the_text_of_each_caption() -> None:
    captions = [caption("I'M", spoken_at=EXAMPLE_TIME), caption("SENDING", "¡SEVERAL!", spoken_at=EXAMPLE_TIME + 1)]
    assert youtube_body(captions) == f"{EXAMPLE}\nI'M\n2012-12-24T00:00:07.873\nSENDING<br>¡SEVERAL!\n"


def test_numbers_begin_with_1_and_increase_only_when_advanced() -> None:
    requests = YouTubeRequests(URL)
    first = requests.url()
    assert first == requests.url()
    assert parse_qs(urlsplit(first).query) == {"cid": ["abcd-1234"], "sparams": ["id,ns,expire"], "seq": ["1"]}
    assert first.startswith("http://upload.youtube.com/closedcaption?")
    requests.advance()
    assert requests.url().endswith("&seq=2")


def test_a_number_in_the_url_is_the_first_one() -> None:
    requests = YouTubeRequests(f"{URL}&seq=57")
    assert requests.url().endswith("&seq=57")
    assert requests.url().count("seq") == 1
    requests.advance()
    assert requests.number == 58
    assert YouTubeRequests(f"{URL}&seq=x").number == 1
