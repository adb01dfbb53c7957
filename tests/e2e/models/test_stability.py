"""Committed text never changes, live, with revised and with stable finals. `tests.bench.stability` measures more.

A sixth of the clips, in real time. `make test-long` takes a third of them.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest

from backend.local.system import System, running
from backend.messages.protocol import Final
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.models.preview_replay import CaptionCounts
from tests.testkit.sample import sampled
from tests.testkit.session import ClientLedger, speak_all
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

AT_ONCE = 2  # sessions of each kind; under more load there are hardly any partials


@pytest.fixture(scope="module")
def quick_system(whisper_tiny: Path, artifacts: Path) -> Iterator[System]:
    """A system with the smallest model, fast enough for several live sessions."""
    model = str(whisper_tiny)
    plan = system_plan(artifacts / "logs-tiny", stt_model=model, quick_claims=False, environment=NO_LOAD_LIMIT)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_committed_words_never_change_and_stable_finals_begin_with_them(
    quick_system: System, speech_clips: list[Clip], artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = sampled(sorted(speech_clips[::3], key=lambda clip: -len(clip.pcm())), 2)
    clips = {"stable": longest[::2], "revise": longest[1::2]}
    ledgers = await asyncio.gather(*(transcribe(quick_system, some, finals) for finals, some in clips.items()))
    counts = {finals: CaptionCounts() for finals in clips}
    for finals, some in zip(clips, ledgers, strict=True):
        for clip, ledger in zip(clips[finals], some, strict=True):
            assert_committed_text_only_grows(clip, ledger)
            assert_one_final_per_utterance_in_order(clip, ledger)
            if finals == "stable":
                assert_finals_begin_with_committed_text(clip, ledger)
            count(ledger, counts[finals])
        assert counts[finals].committed_words > 0, "nothing was committed: the test proves nothing"
    (artifacts / "stability.json").write_text(json.dumps({finals: asdict(one) for finals, one in counts.items()}))
    with capsys.disabled():
        print(f"\nstability on {len(longest)} clips, {quick_system.named('stt_worker-1').environment['STT_MODEL']}:")
        for finals, one in counts.items():
            print(f"  {finals}: {one}")


async def transcribe(system: System, clips: Sequence[Clip], finals: str) -> list[ClientLedger]:
    audio = [clip.pcm() for clip in clips]
    return await speak_all(system.urls[0], audio, AT_ONCE, speed=1.0, silence_s=1.0, finals=finals)


def assert_committed_text_only_grows(clip: Clip, ledger: ClientLedger) -> None:
    for number, partials in ledger.partials().items():
        for (_, before), (_, after) in pairwise(partials):
            assert after.committed.startswith(before.committed), (clip.id, number)
            assert after.revision > before.revision, (clip.id, number)


def assert_one_final_per_utterance_in_order(clip: Clip, ledger: ClientLedger) -> None:
    assert ledger.utterances == list(range(1, len(ledger.utterances) + 1)), clip.id
    assert set(ledger.partials()) <= set(ledger.utterances), clip.id


def assert_finals_begin_with_committed_text(clip: Clip, ledger: ClientLedger) -> None:
    for final in ledger.received(Final):
        for _, last in ledger.partials().get(final.utterance, [])[-1:]:
            assert final.text.startswith(last.committed), (clip.id, final.utterance, last.committed, final.text)


def count(ledger: ClientLedger, counts: CaptionCounts) -> None:
    partials = ledger.partials()
    for final in ledger.received(Final):
        shown = [partial for _, partial in partials.get(final.utterance, [])]
        committed = shown[-1].committed if shown else ""
        counts.add([partial.committed + partial.tentative for partial in shown], committed, final.text)
