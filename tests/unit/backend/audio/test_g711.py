"""G.711 against its published values, and against FFmpeg."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio.downmix import Waveform
from backend.audio.g711 import A_LAW, MU_LAW, to_mulaw


@pytest.mark.parametrize(
    ("sample", "code"),
    # ITU-T G.711, table 2, in 16 bits: the ends of the scale, zero, and the first step of each side.
    [(0, 0xFF), (8, 0xFE), (-8, 0x7E), (32_124, 0x80), (-32_124, 0x00), (32_767, 0x80), (-32_768, 0x00)],
)
def test_mulaw_has_the_codes_of_the_standard(sample: int, code: int) -> None:
    assert to_mulaw(np.array([sample], np.int16)) == bytes([code])


def test_every_code_of_mulaw_survives_a_round_trip() -> None:
    values = np.rint(MU_LAW * 32_768).astype(np.int16)
    codes = np.frombuffer(to_mulaw(values), np.uint8)
    # 0x7F is minus zero, whose value has the code of zero.
    assert [int(code) for code in codes] == [255 if code == 127 else code for code in range(256)]


@given(st.lists(st.integers(-32_635, 32_635), min_size=1, max_size=50))
def test_the_error_of_mulaw_is_at_most_half_a_step(samples: list[int]) -> None:
    given_samples = np.array(samples, np.int16)
    decoded = MU_LAW[np.frombuffer(to_mulaw(given_samples), np.uint8)] * 32_768
    # The largest step at a magnitude is a sixteenth of the next power of two.
    assert (np.abs(decoded - given_samples) <= (np.abs(given_samples.astype(np.int32)) + 132) / 32 + 0.5).all()


@pytest.mark.parametrize(("codec", "values"), [("pcm_mulaw", MU_LAW), ("pcm_alaw", A_LAW)])
def test_every_code_decodes_to_the_value_of_ffmpeg(codec: str, values: Waveform) -> None:
    reference = av.CodecContext.create(codec, "r")
    assert isinstance(reference, av.AudioCodecContext)
    reference.sample_rate, reference.layout = 8_000, "mono"
    [frame] = reference.decode(av.Packet(bytes(range(256))))
    assert np.rint(values * 32_768).astype(np.int16).tolist() == frame.to_ndarray()[0].tolist()
