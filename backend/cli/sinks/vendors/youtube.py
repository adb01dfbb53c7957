"""YouTube's live captions over HTTP. Pure.

Source: "Live Caption Vendor info", support.google.com/youtube/answer/6077032. A POST holds any number of captions, each
with its time in UTC. Its number `seq` increases by one with each POST of new captions, but not when one is repeated.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from backend.cli.sinks.captions import LiveCaption

FIRST_NUMBER = 1


class YouTubeRequests:
    """The requests to one ingestion URL. `seq` in the URL is the number of the first one."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        query = parse_qsl(self._parts.query, keep_blank_values=True)
        self._query = [(name, value) for name, value in query if name != "seq"]
        given = dict(query).get("seq", "")
        self.number = int(given) if given.isdecimal() else FIRST_NUMBER

    def url(self) -> str:
        """The URL of the next request, or of its repetition."""
        return self._parts._replace(query=urlencode([*self._query, ("seq", self.number)])).geturl()

    def advance(self) -> None:
        """Use another number for the next request."""
        self.number += 1


def youtube_body(captions: Sequence[LiveCaption]) -> str:
    """The body of a request: the time of each caption, and its text in one line."""
    return "".join(f"{youtube_time(caption.spoken_at)}\n{'<br>'.join(caption.lines)}\n" for caption in captions)


def youtube_time(unix_s: float) -> str:
    """A time as YouTube writes it: in UTC, with milliseconds, without a zone."""
    return datetime.fromtimestamp(unix_s, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
