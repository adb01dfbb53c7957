"""Files that name other files are not media: an upload must not read files of the server."""

import time
from pathlib import Path

import numpy as np
import pytest

from backend.cli.files.media.errors import MediaError, NotMediaError
from backend.cli.files.media.recording import open_recording
from tests.bench.support.door_takes import wav

SECRET = "secret.wav"
PLAYLISTS = {
    "concat": f"ffconcat version 1.0\nfile {SECRET}\n",
    "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{SECRET}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "vobsub": "# VobSub index file, v7 (do not modify this line!)\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="dash:profile"></MPD>',
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013"/>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_file_that_names_others_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / SECRET).write_bytes(wav(np.zeros(16_000, np.int16)))
    playlist = tmp_path / "upload"
    playlist.write_text(PLAYLISTS[kind])
    with pytest.raises(NotMediaError), open_recording(playlist):
        pass


def test_opening_ends_after_its_time(tmp_path: Path) -> None:
    file = tmp_path / "boxes.mp4"
    file.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + b"\0\0\0\x08free" * 8_000_000)
    before = time.process_time()
    with pytest.raises(MediaError), open_recording(file, open_timeout_s=0.2):
        pass
    assert time.process_time() - before < 2.0, "without a limit, it takes 15 s"
