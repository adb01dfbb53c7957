"""What the accounts of a run come to: each figure on sessions so small that it can be reckoned by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from backend.load.account import Account
from backend.load.clips import Clip
from backend.load.monologue import compose, take
from backend.load.score import Spread, score
from backend.messages.protocol import Error, Final, Partial, ServerMessage, SpeechStarted

FRAME = 1_600
TONE = np.tile([8_000, -8_000], 8_000).astype(np.int16)
"""One second."""
SAID = compose([take(Clip(Path("a.wav"), "we must go", "en"), TONE, FRAME)], FRAME, 4.0, 1.5, Random(0))
"""Two clips: from 0 to 1 s, and from 2.5 to 3.5 s."""


def final(utterance: int, start_ms: int, end_ms: int, text: str = "we must go") -> Final:
    return Final(utterance=utterance, text=text, language="en", confidence=1, start_ms=start_ms, end_ms=end_ms)


def partial(utterance: int, committed: str, tentative: str, start_ms: int = 0) -> Partial:
    return Partial(
        utterance=utterance,
        revision=1,
        committed=committed,
        tentative=tentative,
        language="en",
        start_ms=start_ms,
        end_ms=start_ms,
    )


def account(*events: tuple[float, ServerMessage], began: float = 0.0) -> Account:
    """A session that sent every frame on time, from `began` on."""
    sent = [began + 0.1 * i for i in range(len(SAID.frames))]
    return Account(SAID, "s", sent, [0.0] * len(sent), list(events))


def figures(spread: Spread | None) -> list[float]:
    """Count, percentiles and maximum."""
    assert spread is not None
    return [spread.count, spread.p50, spread.p95, spread.p99, spread.max]


BOTH = ((1.8, final(1, 0, 1_400)), (4.4, final(2, 2_400, 3_900)))
"""The last samples of speech were sent at 0.9 and 3.4 s."""


def test_final_latency_is_from_the_sending_of_the_last_sample_of_speech() -> None:
    counted = score([account(*BOTH)])
    assert figures(counted.final_s) == pytest.approx([2, 0.95, 0.995, 0.999, 1.0])
    assert counted.sound
    assert (counted.finals, counted.word_error_percent, counted.erasure) == (2, 0.0, None)


def test_of_an_utterance_that_is_cut_in_mid_speech_the_cut_is_its_end() -> None:
    counted = score([account((1.0, final(1, 0, 500)), (1.6, final(2, 500, 1_400)), BOTH[1])], to_s=0.5)
    assert figures(counted.final_s) == pytest.approx([1, *[0.6] * 4])


@pytest.mark.parametrize(("from_s", "to_s", "latency"), [(0.0, 1.0, 0.9), (1.0, 9.0, 1.0)])
def test_only_speech_that_ended_in_the_time_that_counts_counts(from_s: float, to_s: float, latency: float) -> None:
    counted = score([account(*BOTH)], from_s, to_s)
    assert figures(counted.final_s) == pytest.approx([1, *[latency] * 4])
    assert counted.finals == 2


def test_a_first_partial_is_from_the_sending_of_the_first_sample_of_speech_and_must_show_words() -> None:
    counted = score(
        [
            account(
                BOTH[0],
                (2.8, partial(2, "", "", 2_300)),
                (3.1, partial(2, "", "we", 2_300)),
                (3.5, partial(2, "we", "go", 2_300)),
                BOTH[1],
            )
        ]
    )
    assert figures(counted.first_partial_s) == pytest.approx([1, *[0.6] * 4])
    assert figures(counted.partial_gap_s) == pytest.approx([1, *[0.4] * 4])
    assert counted.unshown == 1


def test_words_taken_back_are_counted_for_each_word_of_the_finals() -> None:
    shown = [(0.5, partial(1, "", "we may")), (0.8, partial(1, "we", " must gone"))]
    counted = score([account(*shown, *BOTH)])
    assert counted.erasure == pytest.approx(2 / 6)
    assert (counted.words, counted.committed, counted.contradicted) == (6, 1, 0)


def test_a_committed_word_that_the_final_lacks_is_contradicted() -> None:
    counted = score([account((0.5, partial(1, "he must", " go")), *BOTH)])
    assert (counted.committed, counted.contradicted) == (2, 1)


def test_the_finals_of_a_clip_are_joined_before_its_words_are_compared() -> None:
    halves = (1.0, final(1, 0, 500, "We must")), (1.6, final(2, 500, 1_400, "go.")), (4.4, final(3, 2_400, 3_900))
    assert score([account(*halves)]).word_error_percent == 0.0
    counted = score([account(BOTH[0], (4.4, final(2, 2_400, 3_900, "we may go")))])
    assert counted.word_error_percent == pytest.approx(100 / 6)
    assert score([account(*BOTH)], texts=False).word_error_percent is None


def test_a_clip_and_a_number_without_a_final_are_missing() -> None:
    lost = score([account(BOTH[0])])
    assert (lost.missing, lost.unheard) == (("session 1: no final for a.wav, 2.5 s into it",), 0)
    assert lost.word_error_percent == 50.0
    empty = score([account(BOTH[0], (4.4, final(2, 2_400, 3_900, "")))])
    assert (empty.missing, empty.unheard, empty.word_error_percent) == ((), 1, 50.0)
    skipped = score([account(BOTH[0], (4.4, final(3, 2_400, 3_900)))])
    assert skipped.missing == ("session 1: no final of utterance 2",)
    begun = score([account(*BOTH, (5.0, SpeechStarted(utterance=3, start_ms=4_000)))])
    assert begun.missing == ("session 1: no final of utterance 3",)
    assert not begun.sound


def test_what_was_never_sent_is_not_missing() -> None:
    broken = account(BOTH[0])
    del broken.sent_at[30:]
    counted = score([broken])
    assert counted.missing == ()
    assert counted.spoken_s == 3.0


def test_an_utterance_whose_error_was_told_is_an_error_and_not_missing_by_number() -> None:
    counted = score([account(*BOTH, (5.0, Error(code="poison", message="m", utterance=3)))])
    assert (counted.errors, counted.missing) == ({"poison": 1}, ())
    assert not counted.sound


def test_sessions_that_were_refused_or_broke_off_are_told_apart() -> None:
    refused = Account(SAID, ended="overloaded")
    broken = account(*BOTH)
    broken.ended = "disconnected"
    counted = score([refused, refused, broken])
    assert (counted.refused, counted.errors) == ({"overloaded": 2}, {"disconnected": 1})


def test_a_text_where_nobody_spoke_is_invented_and_has_no_latency() -> None:
    counted = score([account(*BOTH, (7.0, final(3, 4_500, 5_000, "Thank you.")))])
    assert counted.invented == 1
    assert figures(counted.final_s)[0] == 2


def test_a_generator_that_is_late_once_in_a_hundred_frames_says_so() -> None:
    late = account(*BOTH)
    late.lag_s[:2] = [0.2, 0.2]
    assert score([late]).late
    assert not score([account(*BOTH)]).late


def test_times_are_those_of_the_run_whenever_a_session_began() -> None:
    later = [(at + 50, event) for at, event in BOTH]
    counted = score([account(*later, began=50.0)], from_s=50.0)
    assert figures(counted.final_s) == pytest.approx(figures(score([account(*BOTH)]).final_s))
