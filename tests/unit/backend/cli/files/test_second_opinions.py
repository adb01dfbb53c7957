"""The audio of utterances that are recognized again."""

from pathlib import Path

import numpy as np
import pytest

from backend.cli.files.second_opinions import read_clips
from backend.cli.files.source import Source
from backend.messages.protocol import Final
from tests.testkit.audio.media_files import encode

RATE = 16_000


def spoken(start_ms: int, end_ms: int) -> Final:
    return Final(utterance=1, text="x", language="en", confidence=1, start_ms=start_ms, end_ms=end_ms)


@pytest.mark.parametrize("channel", [None, 0, 1])
def test_clips_are_of_the_chosen_channel(channel: int | None, tmp_path: Path) -> None:
    samples = np.arange(2 * RATE, dtype=np.int16)
    both = np.stack([samples, samples // 2], axis=1)
    path = encode(tmp_path / "both.wav", both if channel is not None else samples)
    expected = samples if channel is None else both[:, channel]
    first, second = read_clips(Source(path, path, channel=channel), [spoken(300, 900), spoken(1_100, 1_600)])
    np.testing.assert_allclose(np.frombuffer(first, "<i2"), expected[4_800:14_400], atol=1)
    np.testing.assert_allclose(np.frombuffer(second, "<i2"), expected[17_600:25_600], atol=1)
