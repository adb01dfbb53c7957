"""Messages of moshi-server, in the forms of Kyutai's own clients and of others."""

import tracemalloc
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from gateway.apis.kyutai.messages import MAX_MESSAGE_BYTES, container_of, marker_of, pack, parse_message, samples_of

# As Rust (rmp_serde) and JavaScript (@msgpack/msgpack with forceFloat32) write them, byte by byte.
RUST_MARKER = bytes.fromhex("82a474797065a64d61726b6572a2696407")
JAVASCRIPT_AUDIO = bytes.fromhex("82a474797065a5417564696fa370636d9300ca3f000000ff")


def code_of(frame: bytes) -> str:
    with pytest.raises(ProtocolError) as refused:
        parse_message(frame)
    assert refused.value.fatal
    return refused.value.code


def test_the_recorded_forms_of_other_encoders_are_read() -> None:
    assert parse_message(RUST_MARKER) == {"type": "Marker", "id": 7}
    assert parse_message(bytes.fromhex("81a474797065a4496e6974")) == {"type": "Init"}
    samples = np.frombuffer(samples_of(parse_message(JAVASCRIPT_AUDIO)), "<f4")
    assert samples.tolist() == [0.0, 0.5, -1.0]


@pytest.mark.parametrize("options", [{}, {"use_single_float": True}, {"use_single_float": True, "use_bin_type": True}])
def test_samples_have_their_value_with_each_option_of_the_scripts(options: dict[str, Any]) -> None:
    sent = [0.0, 0.25, -0.5, 1.0]
    message = parse_message(msgpack.packb({"type": "Audio", "pcm": sent}, **options))
    assert np.frombuffer(samples_of(message), "<f4").tolist() == sent


def test_a_second_of_audio_fits_into_a_message() -> None:
    frame = msgpack.packb({"type": "Audio", "pcm": [0.1] * 24_000})
    assert len(samples_of(parse_message(frame))) == 4 * 24_000
    assert code_of(bytes(MAX_MESSAGE_BYTES + 1)) == "frame_too_large"


@pytest.mark.parametrize("pcm", [None, "abc", b"\0\0", ["0.5"], [None], [True, False], [[0.5]], {"a": 1}])
def test_samples_are_a_list_of_numbers(pcm: Any) -> None:
    with pytest.raises(ProtocolError) as refused:
        samples_of({"type": "Audio", "pcm": pcm})
    assert refused.value.code == "invalid_message"


def test_long_strings_among_samples_reserve_no_memory() -> None:
    frame = msgpack.packb({"type": "Audio", "pcm": [""] * 1_000 + ["b" * 100_000]})
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            samples_of(parse_message(frame))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_message_may_have_no_samples() -> None:
    assert samples_of({"type": "Audio", "pcm": []}) == b""


@pytest.mark.parametrize("data", [b"OggS", [79, 103, 103, 83]])
def test_a_container_is_bytes_or_a_list(data: Any) -> None:
    assert container_of({"data": data}) == b"OggS"


@pytest.mark.parametrize("data", [None, "OggS", 4, [256], [-1], ["O"], [0.5]])
def test_other_containers_are_refused(data: Any) -> None:
    with pytest.raises(ProtocolError):
        container_of({"data": data})


@pytest.mark.parametrize("marker", [None, True, 1.5, "1"])
def test_a_marker_is_an_integer(marker: Any) -> None:
    with pytest.raises(ProtocolError):
        marker_of({"id": marker})


@pytest.mark.parametrize(
    "frame",
    [
        b"hello",
        b"\xc1",
        b"\x82",
        b"\xa1\xff",
        b"\x00\x00",
        msgpack.packb([1]),
        msgpack.packb({"kind": "Audio"}),
        msgpack.packb({"type": 3}),
        msgpack.packb({1: "Audio"}),
        msgpack.packb({"type": "Audio", "pcm": msgpack.ExtType(5, b"x")}),
        b"\x91" * 10_000,
    ],
)
def test_garbage_is_refused(frame: bytes) -> None:
    assert code_of(frame) == "invalid_message"


def test_a_message_of_many_lists_or_maps_is_not_built() -> None:
    """Only the first one of each is: a quarter of a million would stop the event loop."""
    for inner in (b"\x90", b"\x80"):
        frame = b"\xdd" + (200_000).to_bytes(4, "big") + inner * 200_000
        assert code_of(frame) == "invalid_message"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(frame: bytes) -> None:
    try:
        assert isinstance(parse_message(frame)["type"], str)
    except ProtocolError as error:
        assert error.code == "invalid_message"


def test_replies_are_maps_with_the_names_of_the_fields() -> None:
    """moshi-server serializes `with_struct_map`, so that clients find fields by name."""
    assert pack({"type": "Ready"}) == bytes.fromhex("81a474797065a55265616479")
    reply = {"type": "Step", "step_idx": 3, "prs": [0.0, 1.0], "buffered_pcm": 0}
    assert msgpack.unpackb(pack(reply), raw=False) == reply
