"""Opus in WebM and Ogg as browsers send it, split at any byte, or damaged. FFmpeg encodes and is the reference."""

import io
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.errors import AudioError
from backend.messages.protocol import AudioFormat
from gateway.audio.containers.ogg import OggReader
from gateway.audio.containers.packets import PAUSE, Packet
from gateway.audio.containers.webm import WebmReader
from gateway.audio.decoder import MAX_GAP_S, AudioInputDecoder, OpusDecoder
from tests.testkit.audio.containers import (
    UNKNOWN_SIZE,
    block,
    cluster,
    element,
    ogg_packets,
    ogg_page,
    track,
    webm,
    webm_head,
)

WEBM, OGG = AudioFormat(encoding="webm"), AudioFormat(encoding="ogg")
SECONDS = 3


class Pipe:
    """Output of a muxer that cannot seek, like a recorder."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


@cache
def muxed(
    container: str, *, codec: str = "libopus", layout: str = "mono", live: bool = False, dtx: bool = False
) -> bytes:
    """Three seconds of two tones, the second of them silence when `dtx`, written by FFmpeg."""
    time = np.arange(SECONDS * 48_000) / 48_000
    wave = (0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1_300 * time)).astype(np.float32)
    wave[48_000:96_000] *= 0 if dtx else 1
    pipe, options = Pipe(), {"live": "1"} if live else {}
    with av.open(pipe, "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=48_000, layout=layout, options={"dtx": "1"} if dtx else {})
        assert isinstance(stream, av.AudioStream)
        planes = np.stack([wave] * stream.layout.nb_channels)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = 48_000, 0
        for part in av.AudioResampler(format=stream.format.name, layout=layout, rate=48_000).resample(frame):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return bytes(pipe.written)


def reference(data: bytes) -> NDArray[np.int16]:
    """The output of FFmpeg's demuxer, decoder and resampler."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(io.BytesIO(data), "r") as file:
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


def joined(pieces: Iterable[NDArray[np.int16]]) -> NDArray[np.int16]:
    return np.concatenate([np.empty(0, np.int16), *pieces])


def decoded(audio: AudioFormat, chunks: Iterable[bytes]) -> NDArray[np.int16]:
    decoder = AudioInputDecoder(audio)
    pieces = [joined(decoder.decode(chunk)) for chunk in chunks]
    return joined([*pieces, decoder.flush()])


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@cache
def packets() -> tuple[bytes, ...]:
    """An Opus header, then packets of 20 ms."""
    return tuple(packet.data for packet in WebmReader().read_packets(muxed("webm")) if packet != PAUSE)


def refused(audio: AudioFormat, *chunks: bytes) -> tuple[str, int]:
    with pytest.raises(AudioError) as caught:
        decoded(audio, chunks)
    assert caught.value.fatal
    return caught.value.code, caught.value.close_code


INVALID = ("invalid_container", 1007)
STREAMS: dict[str, tuple[AudioFormat, Callable[[], bytes]]] = {
    "webm, live": (WEBM, lambda: muxed("webm", live=True)),
    "webm, a file": (WEBM, lambda: muxed("webm")),
    "webm, stereo": (WEBM, lambda: muxed("webm", layout="stereo")),
    "webm, without silence": (WEBM, lambda: muxed("webm", dtx=True)),
    "ogg": (OGG, lambda: muxed("ogg")),
    "ogg, stereo": (OGG, lambda: muxed("ogg", layout="stereo")),
}


@pytest.mark.parametrize("size", [1, 100, 4_096, 1 << 20])
@pytest.mark.parametrize("name", STREAMS)
def test_a_split_stream_decodes_to_the_output_of_ffmpeg(name: str, size: int) -> None:
    audio, written = STREAMS[name]
    out, expected = decoded(audio, chunks_of(written(), size)), reference(written())
    assert abs(len(out) - SECONDS * 16_000) < 16_000 * 0.021
    common = min(len(out), len(expected)) - 32
    np.testing.assert_allclose(out[:common], expected[:common], atol=1)


def test_a_webm_packet_is_decoded_when_its_block_is_complete() -> None:
    head, *voice = packets()
    decoder, decoded_samples = OpusDecoder(WEBM), 0
    assert not joined(decoder.decode(webm_head(track(1, b"A_OPUS", head)) + cluster())).size
    for number, packet in enumerate(voice, start=1):
        decoded_samples += len(joined(decoder.decode(block(1, packet))))
        assert number * 320 - decoded_samples < 16 * (6.5 + 2), "20 ms, minus pre-skip and resampling delay"


def test_an_ogg_page_is_decoded_when_it_is_complete() -> None:
    pages = [b"OggS" + page for page in muxed("ogg").split(b"OggS")[1:]]
    reader, decoder = OggReader(), OpusDecoder(OGG)
    for page in pages:
        packets_in_page = sum(1 for packet in reader.read_packets(page) if not packet.data.startswith(b"OpusHead"))
        assert len(joined(decoder.decode(page))) >= 320 * packets_in_page - 16 * (6.5 + 2)
        assert not decoder.truncation


def onsets_ms(samples: NDArray[np.int16]) -> list[int]:
    """Where sound begins after at least 50 ms of silence."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 1_000)
    starts = loud[np.diff(loud, prepend=-10_000) > 16 * 50]
    return [round(int(at) / 16) for at in starts]


def in_container(audio: AudioFormat, bursts: list[tuple[int, int]]) -> bytes:
    """A tone in bursts: from a time in ms, a number of packets of 20 ms. No packets in between."""
    head, *voice = packets()
    timed = [(at_ms + 20 * n, voice[10 + n]) for at_ms, length in bursts for n in range(length)]
    if audio is WEBM:
        return webm(head, timed)
    pages = (ogg_packets([packet], 48 * (at_ms + 20)) for at_ms, packet in [(0, b"\xf8\xff\xfe"), *timed])
    return ogg_packets([head], 0, flags=2) + ogg_packets([b"OpusTags"], 0) + b"".join(pages)


@settings(max_examples=25)
@given(
    st.sampled_from([WEBM, OGG]),
    st.lists(st.tuples(st.sampled_from([200, 400, 1_000, 8_000]), st.integers(5, 30)), min_size=1, max_size=4),
    st.integers(1, 700),
)
def test_sound_is_at_the_time_of_its_timestamps(audio: AudioFormat, gaps: list[tuple[int, int]], size: int) -> None:
    bursts, at_ms = list[tuple[int, int]](), 20
    for gap_ms, length in gaps:
        bursts.append((at_ms + gap_ms, length))
        at_ms += gap_ms + 20 * length
    found = onsets_ms(decoded(audio, chunks_of(in_container(audio, bursts), size)))
    # The decoder fades in over the first packet after silence.
    assert found == pytest.approx([at for at, _ in bursts], abs=25)


@pytest.mark.parametrize("jump_ms", [400_000, 36_000_000, 2**40])
@pytest.mark.parametrize("audio", [WEBM, OGG], ids=["webm", "ogg"])
def test_a_huge_jump_of_timestamps_inserts_nothing(audio: AudioFormat, jump_ms: int) -> None:
    samples = decoded(audio, [in_container(audio, [(0, 10), (jump_ms, 10), (jump_ms + 1_200, 10)])])
    assert onsets_ms(samples)[-1] == pytest.approx(1_400, abs=30)
    assert len(samples) < 2 * 16_000


def test_timestamps_that_jump_back_are_followed_from_there() -> None:
    samples = decoded(WEBM, [in_container(WEBM, [(60_000, 10), (0, 10), (1_200, 10)])])
    assert onsets_ms(samples) == pytest.approx([60_000, 61_400], abs=25)


def test_the_video_of_a_camera_recording_is_skipped() -> None:
    head, *voice = packets()
    stream = webm_head(track(1, b"V_VP8", b""), track(2, b"A_OPUS", head)) + cluster(
        *(block(1, bytes(400_000)) + block(1, b"picture") + block(2, packet) for packet in voice)
    )
    np.testing.assert_array_equal(decoded(WEBM, chunks_of(stream, 65_536)), decoded(WEBM, [muxed("webm")]))


@pytest.mark.parametrize("audio", [WEBM, OGG], ids=["webm", "ogg"])
def test_a_recorder_may_restart_on_the_same_connection(audio: AudioFormat) -> None:
    once, twice = (len(decoded(audio, [muxed(audio.encoding)] * times)) for times in (1, 2))
    assert abs(twice - 2 * once) < 32


@pytest.mark.parametrize("audio", [WEBM, OGG], ids=["webm", "ogg"])
def test_a_truncated_stream_is_decoded_and_reported(audio: AudioFormat) -> None:
    data, broken, whole = muxed(audio.encoding), AudioInputDecoder(audio), AudioInputDecoder(audio)
    assert joined([*whole.decode(data), whole.flush()]).size
    out = joined([*broken.decode(data[: len(data) // 2 + 5]), broken.flush()])
    assert len(out) > 16_000 * SECONDS * 0.25
    assert (bool(broken.truncation), bool(whole.truncation)) == (True, False)


def test_a_stream_without_bytes_is_not_an_error() -> None:
    source = AudioInputDecoder(WEBM)
    assert joined(source.decode(b"")).size == 0
    assert source.flush().size == 0


@pytest.mark.parametrize("audio", [WEBM, OGG], ids=["webm", "ogg"])
@pytest.mark.parametrize("data", [b"RIFF....WAVEfmt ", b"\0" * 40, b"\xff" * 40, b'{"type":"start"}', b"\x1aEOg"])
def test_other_data_is_refused(audio: AudioFormat, data: bytes) -> None:
    assert refused(audio, data) == INVALID


def test_a_container_without_opus_is_refused() -> None:
    assert refused(OGG, muxed("ogg", codec="flac")) == refused(OGG, muxed("webm")) == INVALID
    assert refused(WEBM, webm_head(track(1, b"A_VORBIS", b"vorbis")) + cluster(block(1, b"sound"))) == INVALID
    assert refused(WEBM, webm_head()) == INVALID


def test_more_channels_than_two_are_refused() -> None:
    assert refused(WEBM, muxed("webm", layout="5.1")) == ("unsupported_channels", 1003)


@pytest.mark.parametrize(
    "broken",
    [
        webm_head(track(1, b"A_OPUS", b"no header")) + cluster(block(1, b"\xfc")),
        webm_head(track(1, b"A_OPUS", b"OpusHead")),
        webm_head(track(1, b"A_OPUS", packets()[0])) + cluster(block(1, b"\xff" * 20)),
        webm_head(track(1, b"A_OPUS", packets()[0])) + cluster(block(1, b"\xfc", flags=0x86)),
        webm_head(track(1, b"A_OPUS", packets()[0])) + cluster(element(0xA3, b"\x81")),
        webm_head() + element(0xEC, b"", UNKNOWN_SIZE),
    ],
    ids=["no head", "half a head", "not Opus", "laced", "short block", "endless void"],
)
def test_damage_inside_a_container_is_refused(broken: bytes) -> None:
    assert refused(WEBM, broken) == INVALID


def test_a_frame_that_decodes_to_hours_is_refused() -> None:
    bomb = webm_head(track(1, b"A_OPUS", packets()[0])) + cluster(*[block(1, b"\x1b\x02")] * 40_000)
    assert len(bomb) < 1 << 20
    assert refused(WEBM, bomb) == ("audio_too_long", 1009)


def test_gaps_that_add_up_to_hours_in_one_frame_are_refused() -> None:
    bursts = [(250_000 * (1 + n), 1) for n in range(200)]
    assert refused(WEBM, in_container(WEBM, bursts)) == ("audio_too_long", 1009)


@pytest.mark.parametrize("name", [0xEC, 0xA3], ids=["an ignored element", "a block"])
def test_an_element_with_a_huge_size_takes_no_memory(name: int) -> None:
    decoder, size = OpusDecoder(WEBM), b"\x01\x00\xff\xff\xff\xff\xff\xff"
    assert not joined(decoder.decode(webm_head(track(1, b"A_OPUS", packets()[0])) + element(name, b"", size))).size
    tracemalloc.start()
    for _ in range(50):
        assert not joined(decoder.decode(bytes(1 << 20))).size
    assert tracemalloc.get_traced_memory()[0] < 1 << 19
    tracemalloc.stop()
    assert decoder.truncation


def test_an_ogg_packet_may_span_pages_and_an_incomplete_one_is_dropped() -> None:
    head, half, rest = b"OpusHead" + bytes(11), b"h" * 255, b"rest"
    pages = ogg_page(2, b"\x13", head) + ogg_page(0, b"\xff", half) + ogg_page(1, b"\4", rest)
    pages += ogg_page(0, b"\xff", half) + ogg_page(0, b"\4", rest)
    assert [packet.data for packet in OggReader().read_packets(pages)] == [head, half + rest, rest]


def test_an_ogg_packet_that_never_ends_takes_no_memory() -> None:
    reader = OggReader()
    assert list(reader.read_packets(ogg_page(2, b"\x08", b"OpusHead"))) == [Packet(b"OpusHead")]
    tracemalloc.start()
    for _ in range(100):
        assert list(reader.read_packets(ogg_page(1, b"\xff" * 255, bytes(255 * 255)))) == []
    assert tracemalloc.get_traced_memory()[0] < 1 << 20
    tracemalloc.stop()
    assert reader.is_incomplete


@pytest.mark.parametrize("audio", [WEBM, OGG], ids=["webm", "ogg"])
def test_a_frame_is_decoded_in_small_pieces_so_that_others_have_their_turn(audio: AudioFormat) -> None:
    data = in_container(audio, [(60_000 * number, 50) for number in range(1, 5)])
    pieces = list(AudioInputDecoder(audio).decode(data))
    assert sum(piece.size for piece in pieces) > 240 * 16_000
    assert max(piece.size for piece in pieces) <= 8_000 + 16 * 120, "half a second, and a packet"


def test_a_frame_without_packets_comes_in_pieces_too() -> None:
    data = webm_head(track(1, b"A_OPUS", packets()[0])) + element(0xEC, b"") * 9_000
    assert len(list(AudioInputDecoder(WEBM).decode(data))) >= len(data) / 4_096


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(STREAMS)),
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=5),
    st.integers(100, 5_000),
)
def test_damaged_streams_are_decoded_or_refused(name: str, damage: list[tuple[int, bytes]], size: int) -> None:
    audio, written = STREAMS[name]
    data = bytearray(written())
    for at, junk in damage:
        data[at : at + len(junk)] = junk
    decoded_samples = np.empty(0, np.int16)
    with suppress(AudioError):
        decoded_samples = decoded(audio, chunks_of(bytes(data), size))
    # A damaged timestamp may be treated as a gap.
    assert len(decoded_samples) < 16_000 * (SECONDS * 10 + len(damage) * MAX_GAP_S)


@given(st.sampled_from([WEBM, OGG]), st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(audio: AudioFormat, data: bytes) -> None:
    magic = {"webm": b"\x1a\x45\xdf\xa3", "ogg": b"OggS"}[audio.encoding]
    if data:
        assert refused(audio, data)[0] == refused(audio, magic + data)[0] == "invalid_container"
