"""What a session waits for: taken once, in order, and asked for again when Redis has forgotten it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Resume, Start
from backend.messages.session_record import SessionRecord
from gateway.session.actions import Submit, Translate
from gateway.session.pending_results import ForgottenError, PendingResults


def submit(utterance: int, start_ms: int = 0) -> Submit:
    job = AudioJob(
        kind="final",
        session="s",
        utterance=utterance,
        correlation_id="c",
        sent_at=0.0,
        start_ms=start_ms,
        end_ms=start_ms + 1,
    )
    return Submit(job, b"\0\0", early=True)


def final(utterance: int, *targets: str, late: bool = False) -> Final:
    return Final(
        utterance=utterance,
        text="hello",
        language="en",
        confidence=1.0,
        start_ms=0,
        end_ms=1,
        translate_to=targets,
        late=late,
    )


def waiting_for(*utterances: int) -> PendingResults:
    awaited = PendingResults("s", "c")
    for utterance in utterances:
        awaited.expect(submit(utterance))
    return awaited


def record(**known: Any) -> SessionRecord:
    return SessionRecord(Start(), "c", **known)


@given(st.lists(st.integers(1, 6), max_size=40))
def test_each_final_is_news_once_however_often_it_comes(arrivals: list[int]) -> None:
    awaited = waiting_for(*range(1, 7))
    news = []
    for utterance in arrivals:
        if utterance <= awaited.settled + 1 and awaited.final(final(utterance), 0.0):
            news.append(utterance)
    assert news == list(range(1, awaited.settled + 1))
    assert awaited.finals == 6 - awaited.settled


def test_events_are_new_only_behind_the_cursor() -> None:
    awaited = waiting_for()
    assert [awaited.is_new(cursor) for cursor in ("5-0", "5-0", "4-9", "5-1", "12-0")] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_late_final_follows_the_error_of_its_utterance() -> None:
    awaited = waiting_for(1)
    assert awaited.error(1)
    assert not awaited.error(1)
    assert not awaited.final(final(1), 0.0)
    assert awaited.final(final(1, late=True), 0.0)


def test_translations_are_waited_for_until_each_has_come_or_failed() -> None:
    awaited = waiting_for(1)
    awaited.final(final(1, "es", "fr"), 0.0)
    assert awaited.translation(1, "es")
    assert not awaited.translation(1, "es")
    assert awaited.anything
    assert awaited.error(1), "the others could not be translated"
    assert not awaited.anything


def test_what_redis_knows_is_not_asked_for_again() -> None:
    awaited = waiting_for(1, 2, 3)
    awaited.final(final(1, "es"), 0.0)
    assert awaited.lost(record(next=2, closed=frozenset({2, 3}), translating={1: ("es",)})) == []
    assert awaited.lost(record(next=4, translating={1: ("es",)})) == [], "their results lie in the log"
    assert awaited.lost(record(next=4, translated=frozenset({1}))) == [], "and the translation does"


def test_what_redis_has_forgotten_is_asked_for_again_whole() -> None:
    awaited = waiting_for(1, 2, 3)
    awaited.final(final(1, "es"), 0.0)
    actions = awaited.lost(record(next=2, closed=frozenset({3})))
    assert [type(action) for action in actions] == [Submit, Translate]
    again, translate = actions
    assert isinstance(again, Submit)
    assert isinstance(translate, Translate)
    assert (again.job.utterance, again.early) == (2, False)
    assert (translate.transcript.text, translate.transcript.translate_to) == ("hello", ("es",))


def test_what_another_connection_submitted_only_the_client_can_send_again() -> None:
    awaited = PendingResults("s", "c")
    message = Resume(session="s", token="t", utterance=1, audio_from_ms=900)
    awaited.resume(message, record(next=2, count=2, closed=frozenset({2})))
    awaited.expect(submit(3))
    assert awaited.lost(record(next=2, closed=frozenset({2, 3}))) == []
    with pytest.raises(ForgottenError):
        awaited.lost(record(next=2))
    assert awaited.from_ms == 900


def test_the_audio_of_what_is_waited_for_is_known() -> None:
    awaited = waiting_for()
    assert awaited.from_ms is None
    awaited.expect(submit(1, start_ms=200))
    awaited.expect(submit(2, start_ms=700))
    assert awaited.from_ms == 200
    awaited.final(final(1), 0.0)
    assert awaited.from_ms == 700


def test_a_resumed_session_waits_for_what_was_on_its_way() -> None:
    awaited = PendingResults("s", "c")
    message = Resume(session="s", token="t", cursor="7-0", utterance=2)
    awaited.resume(message, record(next=4, count=5, closed=frozenset({4, 5}), translating={2: ("es",)}))
    assert awaited.finals == 2
    assert not awaited.is_new("7-0")
    assert not awaited.final(final(2), 0.0), "the client has it"
    assert awaited.final(final(3), 0.0), "released already, and still to be read from the log"
    assert awaited.final(final(4), 0.0)
    assert awaited.final(final(5), 0.0)
    assert awaited.anything
    assert awaited.translation(2, "es")
    assert not awaited.anything
