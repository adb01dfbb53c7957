"""Results are accepted once and in order, and jobs that Redis lost are submitted again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.protocol import Resume, Start
from backend.messages.session_record import SessionRecord
from gateway.session.actions import ResubmitTranscript, SubmitFinal
from gateway.session.pending_results import AudioLostError, PendingResults
from tests.testkit.streams.jobs import final, job


def submit(utterance: int, start_ms: int = 0) -> SubmitFinal:
    return SubmitFinal(job(utterance, start_ms=start_ms, end_ms=start_ms + 1), b"\0\0", early=True)


def waiting_for(*utterances: int) -> PendingResults:
    pending = PendingResults("s", "c")
    for utterance in utterances:
        pending.expect_final(submit(utterance))
    return pending


def record(**known: Any) -> SessionRecord:
    return SessionRecord(Start(), "c", **known)


@given(st.lists(st.integers(1, 6), max_size=40))
def test_each_final_is_accepted_once(arrivals: list[int]) -> None:
    pending = waiting_for(*range(1, 7))
    news = []
    for utterance in arrivals:
        if utterance <= pending.settled + 1 and pending.accept_final(final(utterance), 0.0):
            news.append(utterance)
    assert news == list(range(1, pending.settled + 1))
    assert pending.final_count == 6 - pending.settled


def test_events_are_new_only_behind_the_cursor() -> None:
    pending = waiting_for()
    cursors = ("5-0", "5-0", "4-9", "5-1", "12-0")
    assert [cursor for cursor in cursors if pending.advance_cursor(cursor)] == ["5-0", "5-1", "12-0"]


def test_a_late_final_follows_the_error_of_its_utterance() -> None:
    pending = waiting_for(1)
    assert pending.accept_error(1)
    assert not pending.accept_error(1)
    assert not pending.accept_final(final(1), 0.0)
    assert pending.accept_final(final(1, late=True), 0.0)


def test_translations_are_pending_until_each_has_arrived_or_failed() -> None:
    pending = waiting_for(1)
    pending.accept_final(final(1, translate_to=("es", "fr")), 0.0)
    assert pending.accept_translation(1, "es")
    assert not pending.accept_translation(1, "es")
    assert pending.any_pending
    assert pending.accept_error(1), "the other translation failed"
    assert not pending.any_pending


def test_jobs_that_redis_knows_are_not_repeated() -> None:
    pending = waiting_for(1, 2, 3)
    pending.accept_final(final(1, translate_to=("es",)), 0.0)
    assert pending.lost_jobs(record(next=2, closed=frozenset({2, 3}), translating={1: ("es",)})) == []
    assert pending.lost_jobs(record(next=4, translating={1: ("es",)})) == [], "their results are in the log"
    assert pending.lost_jobs(record(next=4, translated=frozenset({1}))) == [], "and so is the translation"


def test_jobs_that_redis_lost_are_repeated_with_their_audio() -> None:
    pending = waiting_for(1, 2, 3)
    pending.accept_final(final(1, translate_to=("es",)), 0.0)
    actions = pending.lost_jobs(record(next=2, closed=frozenset({3})))
    assert [type(action) for action in actions] == [SubmitFinal, ResubmitTranscript]
    again, translate = actions
    assert isinstance(again, SubmitFinal)
    assert isinstance(translate, ResubmitTranscript)
    assert (again.job.utterance, again.early) == (2, False)
    assert (translate.transcript.text, translate.transcript.translate_to) == ("hello", ("es",))


def test_a_lost_job_of_another_connection_cannot_be_repeated() -> None:
    pending = PendingResults("s", "c")
    message = Resume(session="s", token="t", utterance=1, audio_from_ms=900)
    pending.resume(message, record(next=2, count=2, closed=frozenset({2})))
    pending.expect_final(submit(3))
    assert pending.lost_jobs(record(next=2, closed=frozenset({2, 3}))) == []
    with pytest.raises(AudioLostError):
        pending.lost_jobs(record(next=2))
    assert pending.audio_from_ms == 900


def test_jobs_of_a_recording_are_repeated_as_live_ones_once_no_worker_reads_its_stream() -> None:
    pending = PendingResults("s", "c")
    for number in (1, 2, 3):
        pending.expect_final(SubmitFinal(job(number, priority="recording"), b"\0\0", early=False))
    pending.accept_final(final(1, translate_to=("es",)), 0.0)
    known = record(next=2, closed=frozenset({2, 3}), translating={1: ("es",)})
    assert pending.lost_jobs(known, "recording") == []
    again = pending.lost_jobs(known, "live")
    assert [type(action) for action in again] == [SubmitFinal, SubmitFinal, ResubmitTranscript]
    jobs = [action.job for action in again if isinstance(action, SubmitFinal)]
    assert [(one.utterance, one.stream_kind) for one in jobs] == [(2, "final"), (3, "final")]
    assert [one.transcript.stream_kind for one in again if isinstance(one, ResubmitTranscript)] == ["final"]
    assert pending.lost_jobs(known, "live") == again, "Redis may have been unavailable"
    for action in again:
        pending.record_submitted_again(action)
    assert pending.lost_jobs(known, "live") == [], "once"


def test_audio_of_a_resumed_recording_that_no_worker_reads_is_lost() -> None:
    pending = PendingResults("s", "c")
    known = SessionRecord(Start(priority="recording"), "c", next=2, count=2, closed=frozenset({2}))
    pending.resume(Resume(session="s", token="t", utterance=1, audio_from_ms=900), known)
    assert pending.lost_jobs(known, "recording") == []
    with pytest.raises(AudioLostError):
        pending.lost_jobs(known, "live")


def test_the_start_of_audio_without_finals_is_known() -> None:
    pending = waiting_for()
    assert pending.audio_from_ms is None
    pending.expect_final(submit(1, start_ms=200))
    pending.expect_final(submit(2, start_ms=700))
    assert pending.audio_from_ms == 200
    pending.accept_final(final(1), 0.0)
    assert pending.audio_from_ms == 700


def test_a_resumed_session_expects_results_in_flight() -> None:
    pending = PendingResults("s", "c")
    message = Resume(session="s", token="t", cursor="7-0", utterance=2)
    pending.resume(message, record(next=4, count=5, closed=frozenset({4, 5}), translating={2: ("es",)}))
    assert pending.final_count == 2
    assert not pending.advance_cursor("7-0")
    assert not pending.accept_final(final(2), 0.0), "the client has received it"
    assert pending.accept_final(final(3), 0.0), "released, but not read from the log yet"
    assert pending.accept_final(final(4), 0.0)
    assert pending.accept_final(final(5), 0.0)
    assert pending.any_pending
    assert pending.accept_translation(2, "es")
    assert not pending.any_pending
