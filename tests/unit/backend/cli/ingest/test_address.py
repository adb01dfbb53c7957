"""Which addresses are read, and which files a remote source may name."""

import pytest

from backend.cli.ingest.address import SCHEMES, parse_address
from backend.cli.ingest.errors import UnsupportedSourceError

FORMATS = frozenset({"hls", "concat", "mpegts", "lavfi"})


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_a_remote_source_may_not_name_local_files(scheme: str) -> None:
    address = parse_address(f"{scheme}://host/live")
    allowed = address.options(FORMATS)["protocol_whitelist"].split(",")
    assert address.is_remote
    assert scheme in allowed
    assert not {"file", "pipe", "concat", "subfile", "data", "fd", "unix"} & set(allowed)


@pytest.mark.parametrize("given", ["talk.ts", "10:30.ts", "file:///srv/my%20talk.ts", "concat:a.ts|b.ts"])
def test_a_local_source_is_a_file_whatever_its_name(given: str) -> None:
    address = parse_address(given)
    assert not address.is_remote
    assert address.url.startswith("file:")
    assert "file" in address.protocols
    assert "concat" not in address.protocols


def test_the_path_of_a_file_url_is_decoded() -> None:
    assert parse_address("file:///srv/my%20talk.ts").name == "/srv/my talk.ts"


def test_standard_input_opens_nothing_else() -> None:
    assert parse_address("-").options(FORMATS)["protocol_whitelist"] == "pipe"


@pytest.mark.parametrize("given", ["talk.ts", "http://host/live.m3u8", "-"])
def test_formats_that_name_any_file_are_never_read(given: str) -> None:
    assert parse_address(given).options(FORMATS)["format_whitelist"] == "hls,mpegts"


@pytest.mark.parametrize("given", ["ftp://host/a", "subfile,,start,0,end,9,,://etc/passwd", "async:http://host/a"])
def test_other_protocols_are_refused(given: str) -> None:
    with pytest.raises(UnsupportedSourceError, match="is not read"):
        parse_address(given)


def test_passwords_and_keys_are_not_printed() -> None:
    address = parse_address("rtsp://user:secret@camera:554/live?token=secret")
    assert address.name == "rtsp://camera:554/live"
    assert "secret" in address.url
