"""Turns and interruptions on a real system: Whisper, the model that judges pauses, and real speech in real time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend import models
from backend.local.system import System, running
from backend.messages.protocol import Final, Interrupt, Notice, SpeechEnded, SpeechStarted, TurnEnd
from gateway.access.admission import MEASURE_EVERY_S
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.cli import silent
from tests.testkit.session import ClientLedger, speak
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(180)
# Every judgement ends a turn, and none does.
ALWAYS, NEVER = 0.000_001, 1.0
LIMIT_MS = 3_000


@pytest.fixture(scope="module")
def turn_system(whisper_tiny: Path, artifacts: Path) -> Iterator[System]:
    environment = {**NO_LOAD_LIMIT, "STT_TURN_MODEL": str(models.fetch("smart-turn"))}
    plan = system_plan(artifacts / "turns", stt_model=str(whisper_tiny), quick_claims=False, environment=environment)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture(scope="module")
def clip(speech_clips: list[Clip]) -> Clip:
    """A short English sentence."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return min(several, key=lambda clip: len(clip.pcm()))


async def spoken(system: System, clip: Clip, **options: Any) -> ClientLedger:
    """A session that speaks the clip in real time, followed by silence of the longest limit."""
    silence_s = LIMIT_MS / 1000 + 1.5
    options = {"language": "en", "turn_max_ms": LIMIT_MS, **options}
    return await speak(system.urls[0], clip.pcm(), speed=1.0, silence_s=silence_s, **options)


async def judged(system: System, clip: Clip, **options: Any) -> ClientLedger:
    """The same, where every turn was judged. A busy machine judges none, so each session has another chance."""
    for _ in range(4):
        ledger = await spoken(system, clip, **options)
        ends = ledger.received(TurnEnd)
        if ends and all(end.probability is not None for end in ends):
            return ledger
    raise AssertionError(f"no turn was judged: {ends}")


async def test_a_judged_turn_ends_before_its_endpoint(turn_system: System, clip: Clip) -> None:
    ledger = await judged(turn_system, clip, turn_threshold=ALWAYS, endpoint_ms=5_000)
    ends, finals = ledger.received(TurnEnd), ledger.received(Final)
    assert all(end.silence_ms < LIMIT_MS for end in ends)
    assert error_percent(clip, " ".join(final.text for final in finals)) <= 40
    assert [final.utterance for final in finals] == [end.utterance for end in ends]


async def test_a_turn_that_is_not_finished_waits_for_its_limit(turn_system: System, clip: Clip) -> None:
    ledger = await judged(turn_system, clip, turn_threshold=NEVER, endpoint_ms=200)
    (end,) = ledger.received(TurnEnd)
    assert end.probability is not None
    assert end.probability < NEVER
    assert end.silence_ms >= LIMIT_MS
    assert len(ledger.received(SpeechEnded)) == 1


async def test_an_answer_is_interrupted_in_real_time(null_system: System, clip: Clip) -> None:
    ledger = await spoken(null_system, clip, responding=True, interrupt_ms=300)
    ((at, interrupt),) = ledger.of(Interrupt)
    (started, *_) = ledger.received(SpeechStarted)
    assert interrupt.utterance == started.utterance
    assert 300 <= interrupt.at_ms - interrupt.start_ms <= 1_500
    sent = ledger.sent_time(interrupt.at_ms * RATE // 1000 - 1)
    assert sent is not None
    assert at - sent < 1.0, "the event follows the audio that decided"


async def test_a_system_without_the_model_says_so(null_system: System, clip: Clip) -> None:
    await asyncio.sleep(2 * MEASURE_EVERY_S)  # until the gateway has read the heartbeats
    ledger = await spoken(null_system, clip, turn_threshold=0.5)
    (notice,) = [notice for notice in ledger.received(Notice) if notice.code == "turns_not_judged"]
    assert "smart-turn" in notice.message
    ends = ledger.received(TurnEnd)
    assert ends
    assert all(end.probability is None for end in ends)
