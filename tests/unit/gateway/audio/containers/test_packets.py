"""The length of an Opus packet is read from its first bytes."""

from itertools import chain

import pytest

from gateway.audio.containers.packets import opus_samples

# RFC 6716, table 2: milliseconds of a frame for each configuration.
SILK, HYBRID, CELT = [10, 20, 40, 60] * 3, [10, 20] * 2, [2.5, 5, 10, 20] * 4
FRAME_MS = list(chain(SILK, HYBRID, CELT))


@pytest.mark.parametrize("config", range(32))
def test_the_length_follows_from_configuration_and_number_of_frames(config: int) -> None:
    one = FRAME_MS[config] * 48
    lengths = [opus_samples(bytes([config << 3 | code, 0x83, 0])) for code in range(4)]
    assert lengths == [one, 2 * one, 2 * one, 3 * one]


def test_a_packet_that_lacks_its_number_of_frames_has_no_length() -> None:
    assert opus_samples(b"\xff") == 0
