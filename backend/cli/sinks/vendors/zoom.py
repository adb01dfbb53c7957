"""Zoom's closed captions over HTTP. Pure.

Source: "Using a third-party closed captioning service", support.zoom.us/hc/en-us/articles/115002212983. Each POST has a
number `seq`, which increases by one, but not when the POST is repeated. A GET returns the last number.
"""

from urllib.parse import parse_qsl, urlencode, urlsplit

from backend.cli.sinks.captions import LiveCaption

# Languages whose region is not the language in capitals. "jp-JP" is what Zoom's documentation lists for Japanese.
_REGIONS = {
    "ar": "ar-SA",
    "cs": "cs-CZ",
    "da": "da-DK",
    "el": "el-GR",
    "en": "en-US",
    "he": "he-IL",
    "hi": "hi-IN",
    "ja": "jp-JP",
    "ko": "ko-KR",
    "sv": "sv-SE",
    "uk": "uk-UA",
    "vi": "vi-VN",
    "zh": "zh-CN",
}


class ZoomUrls:
    """The URLs of one meeting. `lang` in the given URL, if any, replaces the languages of the captions."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        query = parse_qsl(self._parts.query, keep_blank_values=True)
        self._lang = dict(query).get("lang", "")
        self._query = [(name, value) for name, value in query if name not in ("seq", "lang")]

    def caption(self, number: int, language: str) -> str:
        """Where a caption is sent."""
        parameters = {"seq": str(number), "lang": self._lang or zoom_language(language)}
        return self._parts._replace(query=urlencode([*self._query, *parameters.items()])).geturl()

    def last_number(self) -> str:
        """Where the number of the last caption is read."""
        path = f"{self._parts.path.rstrip('/')}/seq"
        return self._parts._replace(path=path, query=urlencode(self._query)).geturl()


def zoom_language(code: str) -> str:
    """A language and a region, such as "es-ES"."""
    base = code.partition("-")[0].lower()
    return _REGIONS.get(base, f"{base}-{base.upper()}")


def zoom_body(caption: LiveCaption) -> str:
    """The body of a request. Without the line break at the end, the next caption would continue the line."""
    return "\n".join(caption.lines) + "\n"
