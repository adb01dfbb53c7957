"""The audio of a client whose protocol does not have to name its format."""

import collections
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ClientError, ProtocolError
from backend.messages.protocol import AudioFormat, Start, Stop
from gateway.apis.received_audio import ReceivedAudio
from tests.testkit.audio.containers import ogg_page, webm


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


OPUS_HEAD = b"OpusHead\1\2" + bytes(9)
OGG = ogg_page(2, bytes([len(OPUS_HEAD)]), OPUS_HEAD)
WEBM = webm(OPUS_HEAD, [])


@given(st.sampled_from([("ogg", OGG), ("webm", WEBM)]), st.lists(st.integers(0, 200), max_size=5))
def test_the_channels_of_a_container_are_counted_however_its_bytes_are_cut(
    container: tuple[str, bytes], cuts: list[int]
) -> None:
    encoding, data = container
    audio, decoded = ReceivedAudio(None, multichannel=True), list[Any]()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in pairwise(places):
        decoded += audio.receive(data[begin:end])
    start, *rest = decoded
    form = AudioFormat.model_validate({"encoding": encoding, "channels": 2})
    assert start == Start(audio=form, multichannel=True)
    assert b"".join(rest) == data


def test_a_named_container_waits_for_its_header() -> None:
    audio = ReceivedAudio(AudioFormat(encoding="ogg"), multichannel=True)
    assert (audio.start(), audio.receive(OGG[:10])) == ((), ())
    start, data = audio.receive(OGG[10:])
    assert (start, data) == (Start(audio=AudioFormat(encoding="ogg", channels=2), multichannel=True), OGG)


def test_a_container_without_a_header_is_refused() -> None:
    audio = ReceivedAudio(AudioFormat(encoding="ogg"), multichannel=True)
    page = ogg_page(0, bytes([255] * 255), bytes(255 * 255))
    with pytest.raises(ClientError) as caught:
        collections.deque(map(audio.receive, [page] * 10))
    assert caught.value.code in ("invalid_audio", "invalid_container")


def test_samples_of_several_channels_count_as_one_time() -> None:
    audio = ReceivedAudio(AudioFormat(channels=2), multichannel=True)
    audio.receive(bytes(64_000))
    assert audio.milliseconds == 1_000
