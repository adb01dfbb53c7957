"""Which audio is examined at once, and which waits for that of other sessions."""

from collections.abc import Sequence

import numpy as np
import pytest

from backend.messages.protocol import AudioFormat
from gateway.audio.audio_input import URGENT_WINDOWS, AudioInput
from gateway.audio.silero import SequenceResult, Silero, WindowSequence
from gateway.audio.vad_batcher import VadBatcher
from gateway.session.segmenter import WINDOW

LIMIT_MS = 800
NOISE = np.random.default_rng(1).normal(0, 5_000, 30 * WINDOW).astype(np.int16)


class RecordingBatcher(VadBatcher):
    """Records which requests are urgent."""

    def __init__(self) -> None:
        super().__init__(Silero())
        self.urgent: list[bool] = []

    async def infer(self, sequences: Sequence[WindowSequence], *, urgent: bool) -> list[SequenceResult]:
        self.urgent.append(urgent)
        return await super().infer(sequences, urgent=urgent)


@pytest.mark.parametrize(
    ("silence_ms", "windows", "urgent"),
    [
        (0, 1, False),
        (LIMIT_MS - 4 * 32, 2, False),
        (LIMIT_MS - 3 * 32, 2, True),  # the beginning of a window may be there already
        (LIMIT_MS - 32, 1, True),
        (LIMIT_MS, 1, True),
        (0, URGENT_WINDOWS, True),
    ],
)
async def test_audio_that_may_end_an_utterance_does_not_wait(silence_ms: int, windows: int, urgent: bool) -> None:
    batcher = RecordingBatcher()
    audio = AudioInput(AudioFormat(), batcher)
    scored = await audio.detect_speech(NOISE[: windows * WINDOW], silence_ms, LIMIT_MS)
    assert len(scored.probabilities) == windows
    assert batcher.urgent == [urgent]


async def test_audio_without_a_limit_does_not_wait() -> None:
    batcher = RecordingBatcher()
    await AudioInput(AudioFormat(), batcher).detect_speech(NOISE[:WINDOW])
    assert batcher.urgent == [True]
