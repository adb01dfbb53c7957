"""Decisions of a consumer: which entries it reads, retries and drops."""

import math
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import EntryError, UnavailableError
from backend.messages.jobs import AudioJob
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import Entry
from backend.streams.names import DURABLE_STREAMS, Shard
from backend.streams.observe.utilization import Utilization
from backend.streams.worker.policy import (
    LIVE_S,
    MIN_REST_S,
    RECORDING_SHARE,
    REST,
    SWEEP_EVERY_S,
    ConsumerPolicy,
    PreviewPool,
    RecordingShare,
    after_failure,
    free_consumers,
    select_previews,
)
from tests.testkit.streams.jobs import job

NOW = 1_700_000_000.0


def entry(session: str, utterance: int, age_s: float = 0.0, *, is_new: bool = False, kind: str = "preview") -> Any:
    committed = "" if is_new else "so far"
    return Entry(Shard(0), "1-1", job(utterance, kind=kind, session=session, committed=committed, sent_at=NOW - age_s))


def policy(**settings: Any) -> ConsumerPolicy[AudioJob]:
    return ConsumerPolicy(WorkerSettings(**settings), now=0.0, sweep_phase=0.5)


def keys(entries: list[Entry[AudioJob]]) -> list[tuple[str, int]]:
    return [(entry.job.session, entry.job.utterance) for entry in entries]


def test_utterances_without_a_partial_come_first_then_the_previews_that_wait_longest() -> None:
    previews = [entry("old", 1, 3.0), entry("new", 2, 0.1), entry("first", 3, 2.0, is_new=True)]
    assert keys(select_previews(previews, [])) == [("first", 3), ("old", 1), ("new", 2)]


def test_only_the_newest_preview_of_a_session_is_kept() -> None:
    assert keys(select_previews([entry("s", 1, 2.0), entry("s", 2, 1.0)], [])) == [("s", 2)]


def test_a_preview_is_dropped_when_the_final_of_its_utterance_is_here() -> None:
    finals = [entry("s", 1, kind="final")]
    assert keys(select_previews([entry("s", 1), entry("t", 1), entry("u", 2)], finals)) == [("t", 1), ("u", 2)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.floats(0, 9), st.booleans()), max_size=12),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=4),
)
def test_previews_are_selected_once_per_session_and_never_for_finished_utterances(
    sent: list[tuple[str, int, float, bool]], finished: list[tuple[str, int]]
) -> None:
    previews = [entry(session, utterance, age, is_new=is_new) for session, utterance, age, is_new in sent]
    selected = select_previews(previews, [entry(session, n, kind="final") for session, n in finished])
    sessions = [one.job.session for one in selected]
    assert len(sessions) == len(set(sessions))
    assert not set(keys(selected)) & set(finished)
    order = [(not one.job.is_first_preview, one.job.sent_at) for one in selected]
    assert order == sorted(order)


def test_late_previews_are_dropped_and_the_rest_waits_for_the_next_batch() -> None:
    chosen = policy(preview_max_age_ms=1_500)
    chosen.add_previews([entry("late", 1, 1.6), entry("a", 1, 0.2), entry("b", 1, 0.1)], [])
    assert not chosen.may_wait, "previews wait for this consumer"
    assert keys(chosen.next_previews(NOW)) == [("a", 1)], "a batch has one entry until the cost of an entry is known"
    assert keys(chosen.next_previews(NOW)) == [("b", 1)]
    assert chosen.next_previews(NOW) == []
    assert chosen.may_wait


def test_a_late_preview_for_the_first_words_is_not_dropped() -> None:
    chosen = policy(preview_max_age_ms=1_500)
    chosen.add_previews([entry("late", 1, 1.6), entry("first", 1, 2.4, is_new=True)], [])
    assert keys(chosen.next_previews(NOW)) == [("first", 1)]
    assert chosen.next_previews(NOW) == []


def test_the_consumers_of_a_process_share_their_previews() -> None:
    pool = PreviewPool[AudioJob]()
    one, other = (ConsumerPolicy(WorkerSettings(), now=0.0, sweep_phase=0.5, previews=pool) for _ in range(2))
    one.add_previews([entry("a", 1, 0.2), entry("b", 1, 0.1)], [])
    assert not other.may_wait, "a consumer does not wait for new entries while others hold previews"
    assert [keys(each.next_previews(NOW)) for each in (one, other, one)] == [[("a", 1)], [("b", 1)], []]


def test_previews_that_wait_too_long_for_their_batch_are_dropped() -> None:
    chosen = policy(preview_max_age_ms=1_500)
    chosen.add_previews([entry("a", 1), entry("b", 1)], [])
    chosen.next_previews(NOW)
    assert chosen.next_previews(NOW + 2) == []


def test_stale_entries_are_looked_for_three_times_in_the_claim_timeout() -> None:
    chosen = policy(claim_after_ms=3_000)
    assert chosen.should_claim("final", 0.0)
    chosen.record_claim("final", False, 0.0)
    assert [chosen.should_claim("final", now) for now in (0.5, 0.99, 1.0)] == [False, False, True]


def test_after_a_claim_the_next_stale_entry_is_looked_for_at_once() -> None:
    chosen = policy(claim_after_ms=3_000)
    chosen.record_claim("final", True, 0.0)
    assert chosen.should_claim("final", 0.0)


def test_sweeps_are_periodic_and_spread_over_workers() -> None:
    chosen = policy()
    times = [now for now in range(300) if chosen.should_sweep(float(now))]
    assert times == [SWEEP_EVERY_S * (n + 0.5) for n in range(5)]


@pytest.mark.parametrize(("deliveries", "is_exhausted"), [(1, False), (5, False), (6, True)])
def test_an_entry_is_given_up_after_the_configured_number_of_attempts(deliveries: int, is_exhausted: bool) -> None:
    assert policy(max_attempts=5).is_exhausted(deliveries) is is_exhausted


@pytest.mark.parametrize(
    ("error", "batch_size", "action"),
    [
        (ValueError("broken"), 3, "retry_alone"),
        (EntryError("odd"), 3, "retry_alone"),
        (ValueError("broken"), 1, "leave_pending"),
        (UnavailableError("away", retry_after_s=1.0), 1, "leave_pending"),
        (EntryError("odd"), 1, "dead_letter"),
    ],
)
def test_a_failed_batch_is_retried_one_by_one_and_a_failed_entry_only_if_that_may_help(
    error: Exception, batch_size: int, action: str
) -> None:
    assert after_failure(error, batch_size) == action


# --- recordings


@pytest.mark.parametrize(
    ("consumers", "busy", "free"),
    [
        (1, 0.0, 1),
        (1, 0.49, 1),
        (1, 0.5, 0),
        (2, 0.0, 1),
        (2, 0.9, 1),
        (2, 1.0, 0),
        (8, 0.0, 7),
        (8, 1.2, 5),
        (8, 3.9, 1),
        (8, 4.0, 0),
        (8, 8.0, 0),
    ],
)
def test_twice_the_consumers_that_live_finals_need_stay_free_of_recordings(
    consumers: int, busy: float, free: int
) -> None:
    assert free_consumers(consumers, busy) == free


@given(st.integers(2, 64), st.floats(0, 1))
def test_recordings_never_take_the_consumers_that_live_finals_need(consumers: int, share: float) -> None:
    free = free_consumers(consumers, share * consumers)
    assert 0 <= free <= consumers - 1
    assert free + share * consumers <= consumers


def held(share: RecordingShare, now: float, count: int) -> list[bool]:
    """Which of `count` consumers, one after the other, may process recordings at the same time."""
    with ExitStack() as stack:
        return [stack.enter_context(share.slot(now)) for _ in range(count)]


def test_all_consumers_process_recordings_until_there_is_live_speech_and_again_after_it() -> None:
    share = RecordingShare(0.0, consumers=3)
    share.begin()  # so none is due
    assert held(share, 1.0, 3) == [True, True, True]
    share.record_live(2.0)
    assert held(share, 2.0 + LIVE_S - 0.1, 3) == [True, True, False]
    assert held(share, 2.0 + LIVE_S, 3) == [True, True, True]


def test_finals_of_all_consumers_reduce_the_number_that_may_process_recordings() -> None:
    share = RecordingShare(0.0, consumers=4)
    for _ in range(4):
        share.include(Utilization(0.0, share=0.3))
    share.begin()
    share.record_live(0.0)
    assert held(share, 0.0, 4) == [True, False, False, False]


def test_recordings_get_a_small_share_of_one_consumer_when_live_speech_leaves_no_time() -> None:
    share, busy = RecordingShare(0.0), Utilization(0.0, share=1.0)
    busy.set_active(True, 0.0)
    share.include(busy)
    now, spent = 0.0, 0.0
    while now < 1_000.0:
        share.record_live(now)
        with share.slot(now) as granted:
            assert granted == share.is_due(now)
            if granted:
                share.begin()
                assert not share.is_due(now), "one at a time"
                now, spent = now + 2.0, spent + 2.0
                share.end(now, 2.0)
        now += 0.1
    assert spent / now == pytest.approx(RECORDING_SHARE, rel=0.1)


def test_a_consumer_rests_from_recordings_as_long_as_an_entry_took_while_there_is_live_speech() -> None:
    share = RecordingShare(0.0, consumers=3)
    share.record_live(0.0)
    share.begin()
    share.end(4.0, 2.0)
    assert held(share, 4.0 + 2.0 * REST - 0.1, 3) == [True, False, False]
    assert held(share, 4.0 + 2.0 * REST, 3) == [True, True, False]
    share.end(20.0, 2.0)
    assert held(share, 20.0, 3) == [True, True, True], "there is no live speech any more"


def test_a_consumer_waits_no_longer_than_its_rest_after_a_short_entry() -> None:
    share = RecordingShare(0.0, consumers=2)
    assert share.rest_s(1.0) == math.inf, "there is no rest"
    share.record_live(3.0)
    share.end(4.0, 0.2)
    assert share.rest_s(4.1) == pytest.approx(0.1)
    assert held(share, 4.1, 2) == [False, False]
    assert share.rest_s(4.3) == math.inf
    assert held(share, 4.3, 2) == [True, False]
    share.end(5.0, 0.5)
    assert share.rest_s(5.1) == math.inf, "a long one"


def test_short_entries_of_recordings_are_at_least_a_second_apart_under_full_live_load() -> None:
    share = RecordingShare(0.0)
    share.begin()
    share.end(5.0, 0.001)
    assert [share.is_due(now) for now in (5.0, 5.0 + MIN_REST_S - 0.01, 5.0 + MIN_REST_S)] == [False, False, True]


def test_the_only_consumer_rests_after_a_live_entry_for_as_long_as_a_recording_takes() -> None:
    share = RecordingShare(0.0)
    share.skip(0.0)
    share.begin()
    share.end(2.0, 1.5)
    share.record_live(3.0)
    assert [held(share, now, 1) for now in (4.4, 4.6)] == [[False], [True]]
    share.begin()
    share.end(5.0, 0.2)
    share.record_live(5.0)
    assert held(share, 5.0, 1) == [True], "previews can wait for a short one"


def test_previews_that_waited_for_a_recording_do_not_count_as_late_for_a_moment() -> None:
    chosen = policy(preview_max_age_ms=1_500)
    chosen.record_recording(NOW - 5.0, NOW - 0.1)
    chosen.add_previews([entry("waited", 1, 6.0), entry("older", 1, 7.0)], [])
    assert keys(chosen.next_previews(NOW)) == [("waited", 1)]
    chosen.add_previews([entry("waited", 2, 5.0)], [])
    assert chosen.next_previews(NOW + 1.5) == []


def test_stale_entries_of_recordings_are_looked_for_separately() -> None:
    chosen = policy(claim_after_ms=3_000)
    chosen.record_claim("final", False, 0.0)
    assert [chosen.should_claim(kind, 0.0) for kind in DURABLE_STREAMS] == [False, True]
