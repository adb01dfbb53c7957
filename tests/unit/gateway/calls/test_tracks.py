"""The tracks of a call become channels that stay aligned."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.tracks import TrackMixer

PACKET = 160  # 20 ms


def mixer(*tracks: str) -> TrackMixer:
    return TrackMixer(tracks or ("inbound", "outbound"), 8_000, b"\xff")


def test_one_track_is_passed_on() -> None:
    one = mixer("inbound")
    assert one.receive("inbound", b"abc", 0) == b"abc"
    assert one.flush() == b""


def test_two_tracks_are_interleaved() -> None:
    both = mixer()
    assert both.receive("inbound", b"abc", 0) == b""
    assert both.receive("outbound", b"xyz", 0) == b"axbycz"


def test_a_track_without_audio_becomes_silence_after_a_while() -> None:
    both = mixer()
    out = b"".join(both.receive("inbound", b"a" * PACKET, 20 * number) for number in range(20))
    assert out == b"a\xff" * PACKET * 10
    assert both.flush() == b"a\xff" * PACKET * 10


def test_audio_that_arrives_too_late_does_not_shift_its_track() -> None:
    both = mixer()
    out = b"".join(both.receive("inbound", b"a" * PACKET, 20 * number) for number in range(20))
    # The first 200 ms of this track have been replaced by silence.
    out += b"".join(both.receive("outbound", b"x" * PACKET, 20 * number) for number in range(20))
    assert out[1::2] == b"\xff" * PACKET * 10 + b"x" * PACKET * 10


def test_a_gap_in_the_timestamps_is_silence_but_a_wrong_timestamp_is_not() -> None:
    one = mixer("inbound")
    assert one.receive("inbound", b"a", 0) == b"a"
    assert one.receive("inbound", b"b", 10) == b"\xff" * 79 + b"b"
    assert one.receive("inbound", b"c", 10**12) == b"c"


def test_tracks_without_timestamps_are_joined_in_order() -> None:
    both = mixer()
    assert both.receive("inbound", b"ab", None) + both.receive("outbound", b"xy", None) == b"axby"


PACKETS = st.tuples(
    st.sampled_from(["inbound", "outbound"]), st.binary(max_size=400), st.none() | st.integers(0, 10**12)
)


@given(st.lists(PACKETS, max_size=30))
def test_any_packets_give_whole_samples_of_bounded_length(packets: list[tuple[str, bytes, int | None]]) -> None:
    both = mixer()
    out = b"".join(both.receive(*packet) for packet in packets) + both.flush()
    assert len(out) % 2 == 0
    for channel, track in enumerate(("inbound", "outbound")):
        kept = len(out[channel::2])
        assert kept <= sum(len(data) for _, data, _ in packets) + len(packets) * 80_000
        if all(timestamp is None for _, _, timestamp in packets):
            given_audio = b"".join(data for name, data, _ in packets if name == track)
            assert out[channel::2].replace(b"\xff", b"") == given_audio.replace(b"\xff", b"")
