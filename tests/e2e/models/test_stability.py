"""What a reader has been promised stays: live, in both kinds of session. Figures come from `tests.bench.stability`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from backend.local.system import Plan, System, running
from backend.messages.protocol import Final
from backend.text.edits import contradicted
from backend.text.normalize import normalized_words
from tests.conftest import in_a_thread
from tests.testkit.audio.clips import Clip
from tests.testkit.session import Conversation, speak_all
from tests.testkit.system.plans import HOSPITABLE

AT_ONCE = 2
"""Of each kind: with many more there would be hardly any partials."""


@pytest.fixture(scope="module")
def quick_system(whisper_tiny: Path, artifacts: Path) -> Iterator[System]:
    """A system with the smallest model, so that many sessions run live at once."""
    plan = Plan(
        stt_model=str(whisper_tiny),
        translation_models="",
        translation_workers=0,
        port=0,
        logs=artifacts / "logs-tiny",
        environment=HOSPITABLE,
    )
    with in_a_thread(running(plan, lambda line: None)) as up:
        yield up


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_committed_words_never_change_and_stable_finals_begin_with_them(
    quick_system: System, spoken: list[Clip], artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = sorted(spoken[::3], key=lambda clip: -len(clip.pcm()))
    asked = {"stable": longest[::2], "revise": longest[1::2]}
    heard = await asyncio.gather(*(_hear(quick_system, clips, finals) for finals, clips in asked.items()))
    numbers: dict[str, dict[str, float]] = {}
    for (finals, clips), conversations in zip(asked.items(), heard, strict=True):
        for clip, conversation in zip(clips, conversations, strict=True):
            _committed_words_only_grow(clip, conversation)
            _each_utterance_has_one_final_in_order(clip, conversation)
            if finals == "stable":
                _finals_begin_with_what_was_committed(clip, conversation)
        numbers[finals] = _numbers(conversations)
        assert numbers[finals]["committed_words"] > 0, "nothing was committed: the test shows nothing"
    (artifacts / "stability.json").write_text(json.dumps(numbers))
    with capsys.disabled():
        print(f"\nstability on {len(longest)} clips, {quick_system.named('stt_worker-1').environment['STT_MODEL']}:")
        for finals, figures in numbers.items():
            print(f"  {finals}: {figures}")


async def _hear(system: System, clips: Sequence[Clip], finals: str) -> list[Conversation]:
    sounds = [clip.pcm() for clip in clips]
    return await speak_all(system.urls[0], sounds, AT_ONCE, pace=1.0, silence_s=1.0, finals=finals)


def _committed_words_only_grow(clip: Clip, conversation: Conversation) -> None:
    for number, partials in conversation.partials().items():
        for before, after in pairwise(partials):
            assert after.committed.startswith(before.committed), (clip.id, number)
            assert after.revision > before.revision, (clip.id, number)


def _each_utterance_has_one_final_in_order(clip: Clip, conversation: Conversation) -> None:
    numbers = [final.utterance for final in conversation.of(Final)]
    assert numbers == list(range(1, len(numbers) + 1)), clip.id
    assert set(conversation.partials()) <= set(numbers), clip.id


def _finals_begin_with_what_was_committed(clip: Clip, conversation: Conversation) -> None:
    partials = conversation.partials()
    for final in conversation.of(Final):
        if final.utterance in partials:
            committed = partials[final.utterance][-1].committed
            assert final.text.startswith(committed), (clip.id, final.utterance, committed, final.text)


def _numbers(heard: list[Conversation]) -> dict[str, float]:
    """How much is committed before the final, and how much of that the final contradicts."""
    words = committed = against = shown = 0
    for conversation in heard:
        partials = conversation.partials()
        for final in conversation.of(Final):
            words += len(normalized_words(final.text))
            shown += len(partials.get(final.utterance, ()))
            if final.utterance in partials:
                promised = partials[final.utterance][-1].committed
                committed += len(normalized_words(promised))
                against += contradicted(promised, final.text)
    return {
        "words": words,
        "partials": shown,
        "committed_words": committed,
        "committed_percent": round(100 * committed / max(1, words), 1),
        "contradicted_percent": round(100 * against / max(1, committed), 1),
    }
