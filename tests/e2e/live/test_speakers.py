"""Labels of speakers on a real system: Whisper, the model of voices, and two speakers."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.local.system import System, running
from backend.messages.protocol import Final, Notice
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import RATE, Clip, clips_of, with_pauses
from tests.testkit.cli import silent
from tests.testkit.session import speak
from tests.testkit.system.plans import voice_plan

pytestmark = pytest.mark.timeout(300)
SPEAKERS = ("ls2609", "ls2033")


@pytest.fixture(scope="module")
def speaker_system(whisper_tiny: Path, artifacts: Path, shared_folder: Path) -> Iterator[System]:
    with run_in_thread(running(voice_plan(artifacts / "speakers", whisper_tiny, shared_folder), silent)) as up:
        yield up


@pytest.fixture(scope="module")
def turns(shared_folder: Path) -> list[Clip]:
    """Three clips of each of two speakers, in turn."""
    one, other = (clips_of(name)[:3] for name in SPEAKERS)
    return [clip for pair in zip(one, other, strict=True) for clip in pair]


async def test_each_speaker_of_a_conversation_has_a_label(speaker_system: System, turns: list[Clip]) -> None:
    ledger = await speak(speaker_system.urls[0], with_pauses(turns), language="en", speakers=True, max_speakers=2)
    assert [notice for notice in ledger.received(Notice) if notice.code == "speakers_not_labelled"] == []
    ends = np.cumsum([len(clip.pcm()) + RATE for clip in turns]) * 1_000 // RATE
    # Milliseconds of each speaker's speech with each label. Short speech gets the most similar label of all speakers.
    labelled = {name: Counter[str | None]() for name in SPEAKERS}
    for final in ledger.received(Final):
        if final.text:
            speaker = turns[int(np.searchsorted(ends, (final.start_ms + final.end_ms) / 2))].speaker
            labelled[speaker][final.speaker] += final.end_ms - final.start_ms
    assert [max(counts, key=counts.__getitem__) for counts in labelled.values()] == ["1", "2"]
    right_ms = sum(max(counts.values()) for counts in labelled.values())
    assert right_ms >= 0.85 * sum(counts.total() for counts in labelled.values()), labelled


async def test_a_system_without_the_model_says_so(null_system: System, turns: list[Clip]) -> None:
    ledger = await speak(null_system.urls[0], turns[0].pcm(), speed=1.0, speakers=True)
    assert all(final.speaker is None for final in ledger.received(Final))
    assert any(final.text for final in ledger.received(Final))
