"""The figures of a load run, on sessions small enough to compute each figure by hand."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from backend.client.connection import DisconnectedError
from backend.errors import NovaError
from backend.load.clips import AudioClip
from backend.load.monologue import compose, prepare
from backend.load.score import LoadLedger, Spread, score
from backend.messages.protocol import Error, Final, ServerMessage, SpeechStarted
from tests.testkit.streams.jobs import final, partial

FRAME = 1_600
TONE = np.tile([8_000, -8_000], 8_000).astype(np.int16)  # one second
# Two clips: from 0 to 1 s, and from 2.5 to 3.5 s.
SAID = compose([prepare(AudioClip(Path("a.wav"), "we must go", "en"), TONE, FRAME)], FRAME, 4.0, 1.5, Random(0))


def spoken(utterance: int, start_ms: int, end_ms: int, text: str = "we must go") -> Final:
    return final(utterance, text, start_ms=start_ms, end_ms=end_ms)


def ledger(*events: tuple[float, ServerMessage], began: float = 0.0) -> LoadLedger:
    """The ledger of a session that sent every frame on time, beginning at `began`."""
    sent = [began + 0.1 * i for i in range(len(SAID.frames))]
    return LoadLedger(SAID.frames, "s", sent, [0.0] * len(sent), list(events), monologue=SAID)


def figures(spread: Spread | None) -> list[float]:
    """Count, percentiles and maximum."""
    assert spread is not None
    return [spread.count, spread.p50, spread.p95, spread.p99, spread.max]


# The last samples of speech were sent at 0.9 and 3.4 s.
BOTH = ((1.8, spoken(1, 0, 1_400)), (4.4, spoken(2, 2_400, 3_900)))


def test_final_latency_is_from_the_sending_of_the_last_sample_of_speech() -> None:
    counted = score([ledger(*BOTH)])
    assert figures(counted.final_s) == pytest.approx([2, 0.95, 0.995, 0.999, 1.0])
    assert counted.sound
    assert (counted.finals, counted.word_error_percent, counted.erasure) == (2, 0.0, None)


def test_an_utterance_that_is_cut_during_speech_ends_at_the_cut() -> None:
    counted = score([ledger((1.0, spoken(1, 0, 500)), (1.6, spoken(2, 500, 1_400)), BOTH[1])], to_s=0.5)
    assert figures(counted.final_s) == pytest.approx([1, *[0.6] * 4])


@pytest.mark.parametrize(("from_s", "to_s", "latency"), [(0.0, 1.0, 0.9), (1.0, 9.0, 1.0)])
def test_latency_counts_only_speech_that_ended_in_the_measured_time(from_s: float, to_s: float, latency: float) -> None:
    counted = score([ledger(*BOTH)], from_s, to_s)
    assert figures(counted.final_s) == pytest.approx([1, *[latency] * 4])
    assert counted.finals == 2


def test_first_partial_latency_starts_at_the_first_sample_of_speech_and_ignores_empty_partials() -> None:
    shown = ((2.8, "", ""), (3.1, "", "we"), (3.5, "we", "go"))
    partials = [(at, partial(2, committed, tentative, start_ms=2_300)) for at, committed, tentative in shown]
    counted = score([ledger(BOTH[0], *partials, BOTH[1])])
    assert figures(counted.first_partial_s) == pytest.approx([1, *[0.6] * 4])
    assert figures(counted.partial_gap_s) == pytest.approx([1, *[0.4] * 4])
    assert counted.unshown == 1


def test_erasure_is_replaced_words_per_word_of_the_finals() -> None:
    shown = [(0.5, partial(1, "", "we may")), (0.8, partial(1, "we", " must gone"))]
    counted = score([ledger(*shown, *BOTH)])
    assert counted.erasure == pytest.approx(2 / 6)
    assert (counted.words, counted.committed, counted.contradicted) == (6, 1, 0)


def test_a_committed_word_missing_from_the_final_is_contradicted() -> None:
    counted = score([ledger((0.5, partial(1, "he must", " go")), *BOTH)])
    assert (counted.committed, counted.contradicted) == (2, 1)


def test_the_finals_of_a_clip_are_joined_before_words_are_compared() -> None:
    halves = (1.0, spoken(1, 0, 500, "We must")), (1.6, spoken(2, 500, 1_400, "go.")), (4.4, spoken(3, 2_400, 3_900))
    assert score([ledger(*halves)]).word_error_percent == 0.0
    counted = score([ledger(BOTH[0], (4.4, spoken(2, 2_400, 3_900, "we may go")))])
    assert counted.word_error_percent == pytest.approx(100 / 6)
    assert score([ledger(*BOTH)], texts=False).word_error_percent is None


def test_clips_and_utterance_numbers_without_a_final_are_missing() -> None:
    lost = score([ledger(BOTH[0])])
    assert (lost.missing, lost.unheard) == (("session 1: no final for a.wav, sent 2.5 s after the start",), 0)
    assert lost.word_error_percent == 50.0
    empty = score([ledger(BOTH[0], (4.4, spoken(2, 2_400, 3_900, "")))])
    assert (empty.missing, empty.unheard, empty.word_error_percent) == ((), 1, 50.0)
    skipped = score([ledger(BOTH[0], (4.4, spoken(3, 2_400, 3_900)))])
    assert skipped.missing == ("session 1: no final of utterance 2",)
    begun = score([ledger(*BOTH, (5.0, SpeechStarted(utterance=3, start_ms=4_000)))])
    assert begun.missing == ("session 1: no final of utterance 3",)
    assert not begun.sound


def test_audio_that_was_not_sent_is_not_missing() -> None:
    broken = ledger(BOTH[0])
    del broken.sent_at[30:]
    counted = score([broken])
    assert counted.missing == ()
    assert counted.spoken_s == 3.0
    assert (counted.recordings, score([ledger(*BOTH)]).recordings) == ({"a.wav": 1}, {"a.wav": 2})


def test_an_utterance_with_an_error_event_is_an_error_and_not_missing() -> None:
    counted = score([ledger(*BOTH, (5.0, Error(code="poison", message="m", utterance=3)))])
    assert (counted.errors, counted.missing) == ({"poison": 1}, ())
    assert not counted.sound


def test_refused_and_interrupted_sessions_are_counted_separately() -> None:
    refused = LoadLedger(SAID.frames, error=NovaError("full", code="overloaded"), monologue=SAID)
    broken = ledger(*BOTH)
    broken.error = DisconnectedError("gone")
    counted = score([refused, refused, broken])
    assert (counted.refused, counted.errors) == ({"overloaded": 2}, {"disconnected": 1})


def test_text_without_speech_is_hallucinated_and_has_no_latency() -> None:
    counted = score([ledger(*BOTH, (7.0, spoken(3, 4_500, 5_000, "Thank you.")))])
    assert counted.invented == 1
    assert figures(counted.final_s)[0] == 2


def test_a_generator_late_with_more_than_one_percent_of_the_frames_is_reported() -> None:
    late = ledger(*BOTH)
    late.lag_s[:2] = [0.2, 0.2]
    assert score([late]).late
    assert not score([ledger(*BOTH)]).late


def test_figures_do_not_depend_on_when_a_session_began() -> None:
    later = [(at + 50, event) for at, event in BOTH]
    counted = score([ledger(*later, began=50.0)], from_s=50.0)
    assert figures(counted.final_s) == pytest.approx(figures(score([ledger(*BOTH)]).final_s))


def test_the_time_to_the_final_segment_ends_with_the_last_final_of_a_clip() -> None:
    pieces = ((1.0, spoken(1, 0, 500)), (1.6, spoken(2, 500, 1_400)))
    counted = score([ledger(*pieces, BOTH[1])])
    assert figures(counted.final_s)[0] == 3
    assert figures(counted.ttfs_s) == pytest.approx([2, 0.85, 0.985, 0.997, 1.0])


def test_the_time_to_the_final_segment_counts_only_clips_with_a_final() -> None:
    assert figures(score([ledger(BOTH[0])]).ttfs_s) == pytest.approx([1, *[0.9] * 4])
    assert score([ledger()]).ttfs_s is None


def test_the_worst_session_is_found_among_sessions_with_enough_finals() -> None:
    def often(count: int, delay_s: float) -> LoadLedger:
        return ledger(*((1.8 + delay_s, spoken(number, 0, 1_400)) for number in range(1, count + 1)))

    assert score([often(4, 3.0)]).worst_session_p95_s is None
    assert score([often(4, 3.0), often(5, 0.5), often(6, 0.2)]).worst_session_p95_s == pytest.approx(1.4)


def test_long_utterances_without_partials_are_counted_on_their_own() -> None:
    counted = score([ledger((1.8, spoken(1, 0, 1_400)), (4.4, spoken(2, 100, 3_900)))])
    assert (counted.unshown, counted.unshown_long, counted.long) == (2, 1, 1)
    shown = score([ledger((0.5, partial(2, "", "we")), (4.4, spoken(2, 100, 3_900)))])
    assert (shown.unshown, shown.unshown_long, shown.long) == (0, 0, 1)
