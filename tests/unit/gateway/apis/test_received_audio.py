"""The audio of a client whose protocol does not have to name its format."""

import pytest

from backend.errors import ProtocolError
from backend.messages.protocol import AudioFormat, Start, Stop
from gateway.apis.received_audio import ReceivedAudio


def test_raw_audio_tells_its_duration() -> None:
    audio = ReceivedAudio(AudioFormat())
    assert audio.receive(bytes(32_000)) == (Start(), bytes(32_000))
    assert audio.milliseconds == 1_000


def test_the_first_bytes_tell_a_container() -> None:
    audio = ReceivedAudio(None)
    assert audio.receive(b"Og") == ()
    assert audio.format is None
    assert audio.receive(b"gS...") == (Start(audio=AudioFormat(encoding="ogg")), b"OggS...")
    assert audio.format == AudioFormat(encoding="ogg")
    assert audio.milliseconds is None


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ProtocolError, match="name its format"):
        ReceivedAudio(None).receive(b"MP3 data")


def test_a_session_is_started_and_stopped_once_also_without_audio() -> None:
    audio = ReceivedAudio(None, lambda: {"words": True})
    assert audio.start() == ()
    assert audio.stop() == (Start(words=True), Stop())
    assert audio.stop() == ()
    known = ReceivedAudio(AudioFormat())
    assert [known.start(), known.start(), known.receive(b"..")] == [(Start(),), (), (b"..",)]
