"""Which addresses are read, and what FFmpeg may open for them. Pure."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from backend.cli.ingest.errors import UnsupportedSourceError

STDIN = "-"
SCHEMES = frozenset({"http", "https", "rtsp", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp", "tls"})
# What these schemes use, and the segments and keys of HLS. "httpproxy" connects to HTTPS through a proxy.
_NETWORK = ("http", "https", "httpproxy", "tcp", "tls", "udp", "rtp", "rtsp", "rtmp", "rtmps", "hls", "srt", "crypto")
# A playlist of another machine must not name files of this one, so "file" is for local sources only.
_LOCAL = ("file", *_NETWORK)
# These formats make FFmpeg read any other file or device. HLS, DASH and RTSP do so by the protocols above only.
_REFERRING_FORMATS = frozenset({"concat", "image2", "imf", "lavfi", "vobsub", "webm_dash_manifest", "tty", "txt"})


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A source. `url` is what FFmpeg opens, and `name` what is printed: without passwords and query.

    `protocols` are those that FFmpeg may use for it. `is_remote`: another machine sends it, so it may be read again
    after it was lost.
    """

    url: str
    name: str
    protocols: tuple[str, ...]
    is_remote: bool

    def options(self, formats: frozenset[str]) -> dict[str, str]:
        """The options for FFmpeg, which has these formats."""
        options = {
            "protocol_whitelist": ",".join(self.protocols),
            "format_whitelist": ",".join(sorted(formats - _REFERRING_FORMATS)),
        }
        # RTSP over UDP loses packets, and most routers block it. FFmpeg uses UDP if the server refuses TCP.
        return options | ({"rtsp_flags": "prefer_tcp"} if self.is_remote else {})


def parse_address(given: str) -> SourceAddress:
    """The source at a URL, at a path, or "-" for standard input. Raises UnsupportedSourceError."""
    if given == STDIN:
        return SourceAddress("pipe:0", "standard input", ("pipe",), is_remote=False)
    scheme, separator, rest = given.partition("://")
    if not separator:
        # With "file:", FFmpeg does not parse a name such as "10:30.ts" as a protocol.
        return SourceAddress(f"file:{given}", given, _LOCAL, is_remote=False)
    if scheme.lower() == "file":
        path = unquote(rest)
        return SourceAddress(f"file:{path}", path, _LOCAL, is_remote=False)
    if scheme.lower() not in SCHEMES:
        known = ", ".join(sorted(SCHEMES))
        raise UnsupportedSourceError(f"{scheme}:// is not read. Use a file, or a URL with one of: {known}")
    return SourceAddress(given, _public_name(given), _NETWORK, is_remote=True)


def _public_name(url: str) -> str:
    """The URL without user, password and query, which may contain keys."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
