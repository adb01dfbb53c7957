"""Texts of other systems are matched with the clips that were spoken, and scored like the events of this one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from backend.errors import NovaError
from backend.load.clips import AudioClip
from backend.load.monologue import compose, prepare
from backend.load.run import LoadPlan
from backend.load.score import LoadLedger
from backend.messages.protocol import Start
from tests.bench.peers.__main__ import skipped, theirs
from tests.bench.peers.dialects import RealtimeSttDialect, WhisperLiveDialect
from tests.bench.peers.servers import PEERS, is_installed
from tests.bench.peers.sessions import PeerSession, figures
from tests.testkit import cli

FRAME = 1_600
TONE = np.tile([8_000, -8_000], 16_000).astype(np.int16)  # two seconds
SENTENCES = ("we must go home", "the weather is fine today")
# Clips from 0 to 2 s and from 3.5 to 5.5 s. The last samples of speech are sent at 1.9 and 5.4 s.
CLIPS = [prepare(AudioClip(Path(f"{text}.wav"), text, "en"), TONE, FRAME) for text in SENTENCES]
SAID = compose(CLIPS, FRAME, 7.0, 1.5, Random(1))
# "we must go home", then "the weather is fine today".
FIRST, SECOND = (placement.clip.text for placement in SAID.placements)
PLAN = LoadPlan(Start(language="en"), sessions=1, seconds=7.0)
WHISPER_LIVE = PEERS[-1]


def ledger() -> LoadLedger:
    """The ledger of a session that sent every frame on time."""
    sent = [0.1 * i for i in range(len(SAID.frames))]
    return LoadLedger(SAID.frames, "s", sent, [0.0] * len(sent), monologue=SAID)


def live(*received: tuple[float, Mapping[str, Any]]) -> PeerSession:
    return PeerSession(WhisperLiveDialect(), ledger(), list(received))


def realtime(*received: tuple[float, str, str]) -> PeerSession:
    return PeerSession(
        RealtimeSttDialect(), ledger(), [(at, {"type": kind, "text": text}) for at, kind, text in received]
    )


def segments(*parts: tuple[float, float, str, bool]) -> Mapping[str, Any]:
    """A message of WhisperLive."""
    names = ("start", "end", "text", "completed")
    return {"segments": [dict(zip(names, (f"{a:.3f}", f"{b:.3f}", *rest), strict=True)) for a, b, *rest in parts]}


def row(*sessions: PeerSession) -> cli.Row:
    plan = replace(PLAN, sessions=len(sessions))
    return theirs(WHISPER_LIVE, len(sessions), figures(sessions, plan, 1.5))[0]


def test_a_final_arrives_with_the_first_finished_segment_that_contains_the_end_of_the_clip() -> None:
    whole = (0.0, 2.0, FIRST, True)
    line = row(
        live(
            (0.8, segments((0.0, 0.8, FIRST[:5], False))),
            (2.5, segments((0.0, 2.0, FIRST, False))),
            (4.9, segments(whole, (3.5, 4.4, SECOND[:6], False))),
            (9.4, segments(whole, (3.4, 5.4, SECOND, True))),
        )
    )
    assert (line["finals"], line["missing"], line["WER %"]) == (2, 0, 0.0)
    assert line["final p50"] == pytest.approx((3.0 + 4.0) / 2)
    assert line["first partial p50"] == pytest.approx((0.8 + 1.4) / 2)
    assert line["cores"] == 1.5


def test_a_segment_that_is_never_finished_is_a_missing_final_but_its_words_count() -> None:
    line = row(live((4.9, segments((0.0, 2.0, FIRST, True))), (8.0, segments((3.4, 5.4, SECOND, False)))))
    assert (line["finals"], line["missing"], line["WER %"]) == (1, 1, 0.0)


def test_the_words_count_where_they_were_shown_first_if_their_times_move() -> None:
    finished = (0.0, 2.0, FIRST, True)
    line = row(
        live(
            (7.0, segments(finished, (3.4, 5.4, SECOND, False))), (9.0, segments(finished, (30.0, 32.0, SECOND, False)))
        )
    )
    assert (line["missing"], line["WER %"]) == (1, 0.0)


def test_a_segment_that_ends_before_the_last_word_is_not_the_final() -> None:
    first, rest = (0.0, 1.0, FIRST[:7], True), (1.0, 2.0, FIRST[7:], True)
    line = row(live((3.0, segments(first)), (6.0, segments(first, rest))))
    assert line["missing"] == 1
    assert line["final p50"] == pytest.approx(4.1)


def test_a_late_final_without_times_belongs_to_the_clip_with_the_same_words() -> None:
    line = row(
        realtime(
            (0.6, "realtime", FIRST[:7]), (4.5, "realtime", SECOND[:8]), (6.4, "final", FIRST), (8.4, "final", SECOND)
        )
    )
    assert (line["finals"], line["missing"], line["WER %"]) == (2, 0, 0.0)
    assert line["final p50"] == pytest.approx((4.5 + 3.0) / 2)
    assert line["first partial p50"] == pytest.approx((0.6 + 1.0) / 2)


@pytest.mark.parametrize("last_words", [SECOND.split()[2:], ["is", "fined", "to", "day"], ["is", "five"]])
def test_the_final_of_a_clip_with_a_pause_is_the_one_with_its_last_words(last_words: list[str]) -> None:
    begin = " ".join(SECOND.split()[:2])
    line = row(realtime((2.9, "final", FIRST), (5.0, "final", begin), (6.9, "final", " ".join(last_words))))
    assert line["missing"] == 0
    assert line["final p50"] == pytest.approx((1.0 + 1.5) / 2)


def test_a_final_that_arrives_before_the_last_words_are_sent_is_not_that_of_the_clip() -> None:
    line = row(realtime((2.9, "final", FIRST), (5.0, "final", SECOND.split()[0])))
    assert (line["finals"], line["missing"]) == (1, 1)


def test_a_partial_of_the_clip_before_does_not_count_for_the_one_that_has_begun() -> None:
    line = row(
        realtime((3.7, "realtime", FIRST), (4.0, "final", FIRST), (5.0, "realtime", "the"), (8.4, "final", SECOND))
    )
    assert line["first partial p50"] == pytest.approx((3.7 + 1.5) / 2)


def test_finals_with_other_words_belong_to_the_first_clip_without_one() -> None:
    line = row(realtime((3.4, "final", "nothing"), (6.4, "final", "similar"), (8.0, "final", SECOND)))
    assert (line["finals"], line["missing"]) == (2, 0)


def test_a_session_that_received_nothing_misses_all_finals() -> None:
    line = row(realtime(), live())
    assert (line["finals"], line["missing"], line["final p50"], line["WER %"]) == (0, 4, "", 100.0)


def test_a_refused_session_is_noted() -> None:
    refused = live()
    refused.ledger.session, refused.ledger.error = "", NovaError("full", code="overloaded")
    notes = theirs(WHISPER_LIVE, 1, figures([refused], PLAN, 0.0))[1]
    assert notes == ["WhisperLive, 1 session: 1 ended with overloaded"]


def test_sessions_that_were_late_are_noted() -> None:
    session = live()
    session.ledger.lag_s = [0.2] * len(session.ledger.lag_s)
    notes = theirs(WHISPER_LIVE, 1, figures([session], PLAN, 0.0))[1]
    assert notes == ["WhisperLive, 1 session: the sessions sent 200 ms late at p99"]


def test_systems_that_are_not_installed_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.12" / "site-packages" / "whisper_live").mkdir(parents=True)
    absent = [peer for peer in PEERS if not is_installed(peer, tmp_path)]
    assert skipped(absent) == ["RealtimeSTT is skipped, because it is not installed. To install it: make peers"]
