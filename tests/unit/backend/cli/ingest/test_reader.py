"""Sources that end, fail and stall, read from real files and servers on loopback."""

import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from backend.cli.files.media.errors import NoAudioError
from backend.cli.ingest.address import parse_address
from backend.cli.ingest.errors import LostSourceError, UnreachableSourceError
from backend.cli.ingest.reader import SourceEnded, SourceItem, SourceLost, SourceOpened, SourceReader, SourceRestored
from backend.cli.ingest.source import SourceTimeouts
from backend.cli.ingest.source_retries import SourceRetries
from backend.messages.jobs import BYTES_PER_SECOND
from tests.testkit.audio.media_files import encode, noise, video_without_audio
from tests.testkit.servers.live_stream import live_stream
from tests.testkit.servers.threads import serve_in_thread, url_of


def read(source: Path | str, retries: int | None = 0, timeout_s: float = 5.0) -> tuple[list[SourceItem], float]:
    """All items of a source, and the seconds of its audio."""
    items: list[SourceItem] = []
    timeouts = SourceTimeouts(timeout_s, timeout_s)
    SourceReader(parse_address(str(source)), timeouts, SourceRetries(retries), items.append).run()
    return items, sum(len(item) for item in items if isinstance(item, bytes)) / BYTES_PER_SECOND


def error_of(items: list[SourceItem]) -> Exception | None:
    assert isinstance(items[-1], SourceEnded)
    return items[-1].error


@pytest.fixture
def programme(tmp_path: Path) -> tuple[bytes, float]:
    """A second of sound as an MPEG transport stream."""
    return encode(tmp_path / "live.ts", noise(1), codec="aac").read_bytes(), 1.0


def test_a_file_is_read_in_real_time_and_once(tmp_path: Path) -> None:
    began = time.monotonic()
    items, seconds = read(encode(tmp_path / "talk.flac", noise(1.5)), retries=None)
    assert seconds == pytest.approx(1.5, abs=0.05)
    assert time.monotonic() - began >= 1.1
    assert isinstance(items[0], SourceOpened)
    assert error_of(items) is None


def test_missing_packets_become_silence(tmp_path: Path) -> None:
    gap = encode(tmp_path / "gap.mkv", noise(0.5), again_s=2.0)
    _, seconds = read(gap)
    assert seconds == pytest.approx(2.5, abs=0.1)


def test_silence_stands_for_the_time_in_which_a_source_was_lost(programme: tuple[bytes, float]) -> None:
    with live_stream([programme, programme]) as stream:
        items, seconds = read(stream.url, retries=2)
        outage_s = stream.opened[1] - stream.opened[0] - 1.0
    lost = [item for item in items if isinstance(item, SourceLost)]
    [restored] = [item for item in items if isinstance(item, SourceRestored)]
    assert lost[0].position_s == pytest.approx(1.0, abs=0.2)
    assert restored.position_s >= lost[0].position_s
    between = items[items.index(lost[0]) : items.index(restored)]
    silent = b"".join(item for item in between if isinstance(item, bytes))
    assert not np.frombuffer(silent, np.int16).any()
    assert len(silent) / BYTES_PER_SECOND == pytest.approx(restored.position_s - lost[0].position_s, abs=0.01)
    assert len(silent) / BYTES_PER_SECOND >= outage_s - 0.5
    assert seconds >= 2.0 + outage_s - 0.7
    # Two connections of a second each are no success: the attempts were counted in a row.
    assert isinstance(error_of(items), LostSourceError)


def test_without_retries_a_stream_ends_with_its_connection(programme: tuple[bytes, float]) -> None:
    with live_stream([programme]) as stream:
        items, seconds = read(stream.url, retries=0)
    assert seconds == pytest.approx(1.0, abs=0.2)
    assert error_of(items) is None


def test_a_source_that_stalls_is_lost(programme: tuple[bytes, float]) -> None:
    data, _ = programme
    with live_stream([(data + bytes(10), 10_000.0)]) as stream:
        began = time.monotonic()
        items, _ = read(stream.url, timeout_s=1.0)
        assert time.monotonic() - began < 8
    assert isinstance(error_of(items), LostSourceError | UnreachableSourceError)


def test_a_source_that_cannot_be_opened_is_reported_at_once(tmp_path: Path) -> None:
    items, _ = read("http://127.0.0.1:1/live")
    assert str(error_of(items)) == "http://127.0.0.1:1/live cannot be read: Connection refused"
    items, _ = read(tmp_path / "missing.ts")
    assert "No such file" in str(error_of(items))
    (tmp_path / "notes.ts").write_text("no media " * 99)
    items, _ = read(tmp_path / "notes.ts")
    assert isinstance(error_of(items), UnreachableSourceError)


def test_a_source_without_audio_is_reported(tmp_path: Path) -> None:
    items, _ = read(video_without_audio(tmp_path / "film.mkv"))
    assert isinstance(error_of(items), NoAudioError)


def test_segments_that_a_playlist_offers_again_after_a_reconnect_are_left_out(tmp_path: Path) -> None:
    options = {"hls_time": "4", "hls_list_size": "0", "hls_flags": "omit_endlist"}
    encode(tmp_path / "live.m3u8", noise(12), codec="aac", options=options)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with serve_in_thread(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        items, _ = read(f"{url_of(server)}/live.m3u8", retries=1, timeout_s=2.0)
    assert sum(isinstance(item, SourceRestored) for item in items) == 1
    loud = b"".join(item for item in items if isinstance(item, bytes) and any(item))
    # A player begins three segments before the end. The last one is short.
    assert len(loud) / BYTES_PER_SECOND == pytest.approx(8, abs=0.5)


def test_a_remote_playlist_cannot_make_the_command_read_local_files(tmp_path: Path) -> None:
    secret = encode(tmp_path / "secret.ts", noise(1), codec="aac")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    (tmp_path / "local.m3u8").write_text(playlist)
    assert read(tmp_path / "local.m3u8")[1] > 0.5  # the playlist itself is right
    with live_stream([(playlist.encode(), 0.1)]) as stream:
        items, seconds = read(stream.url.replace(".ts", ".m3u8"), timeout_s=3)
    assert seconds == 0
    assert error_of(items) is not None
