"""Turns: a worker judges at a pause whether the speaker has finished."""

from typing import Any

import numpy as np
import pytest

from backend.errors import ProtocolError
from backend.messages.jobs import ChannelMessage, PartialResult
from backend.messages.protocol import (
    Configure,
    EarlyFinal,
    Final,
    Finalize,
    Notice,
    Resume,
    SpeechEnded,
    Start,
    TurnEnd,
    parse_client,
    to_json,
)
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from gateway.session.actions import CloseUtterance, SendEvent, SubmitFinal, WithdrawEarlyFinal
from gateway.session.backpressure import Backpressure
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final
from tests.unit.gateway.session.test_session import Stage

JUDGED = ServedLanguages(turns=True)


def judged(stage: Stage, probability: float | None, text: str = "Hello.") -> None:
    """Answer the early final that was submitted last."""
    job = stage.of(SubmitFinal)[-1].job
    fields = job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
    early = {"early_final": final(job.utterance, text)} if job.early_final else {}
    stage.apply(
        PartialResult(committed="", tentative=text, language="en", turn_probability=probability, **fields, **early)
    )


def paused(silence_s: float = 0.3, **options: Any) -> Stage:
    """A session in a pause after one second of speech."""
    stage = Stage(served=JUDGED, **{"turn_threshold": 0.7, "turn_max_ms": 1_500, "endpoint_ms": 600, **options})
    stage.speak(1)
    stage.be_silent(silence_s)
    return stage


def test_only_sessions_that_ask_for_turns_have_their_pauses_judged() -> None:
    assert not paused(turn_threshold=0.0).of(SubmitFinal)[-1].job.judge_turn
    stage = paused()
    assert stage.of(SubmitFinal)[-1].job.judge_turn
    stage.receive(Finalize())
    stage.speak(1)
    stage.receive(Finalize())
    assert not stage.of(SubmitFinal)[-1].job.judge_turn, "its end is certain"


def test_a_finished_turn_ends_when_the_judgement_arrives() -> None:
    stage = paused()
    judged(stage, 0.9)
    (ended,) = stage.events(SpeechEnded)
    (turn,) = stage.events(TurnEnd)
    assert (turn.utterance, turn.end_ms, turn.probability) == (1, ended.end_ms, 0.9)
    assert 200 <= turn.silence_ms <= 320
    assert len(stage.of(CloseUtterance)) == 1, "the early final becomes the final"
    assert len(stage.of(SubmitFinal)) == 1, "nothing is decoded twice"
    stage.apply(final(1, "Hello."), "1-0")
    assert [event.text for event in stage.events(Final)] == ["Hello."]


def test_an_unfinished_turn_waits_for_its_limit() -> None:
    stage = paused()
    judged(stage, 0.2)
    stage.be_silent(1.0)
    assert stage.events(SpeechEnded) == []
    stage.be_silent(0.3)
    (turn,) = stage.events(TurnEnd)
    assert turn.probability == 0.2
    assert 1_500 <= turn.silence_ms <= 1_600


def test_a_late_judgement_still_ends_the_turn() -> None:
    """The endpoint does not end an utterance while its pause is being judged."""
    stage = paused(1.0)
    assert stage.events(SpeechEnded) == []
    judged(stage, 0.7)
    (turn,) = stage.events(TurnEnd)
    assert 950 <= turn.silence_ms <= 1_050


def test_without_a_judgement_silence_decides() -> None:
    """The worker has no model, is of an earlier release, or found no words."""
    for probability, text in ((None, "Hello."), (0.9, "")):
        stage = paused()
        judged(stage, probability, text)
        assert stage.events(SpeechEnded) == []
        stage.be_silent(0.4)
        (turn,) = stage.events(TurnEnd)
        assert 600 <= turn.silence_ms <= 700


def test_a_lost_judgement_delays_the_end_only_to_the_limit() -> None:
    stage = paused(1.6)
    (turn,) = stage.events(TurnEnd)
    assert turn.probability is None


def test_more_speech_makes_a_judgement_void() -> None:
    stage = paused()
    first = stage.of(SubmitFinal)[-1].job
    stage.speak(0.5)
    assert len(stage.of(WithdrawEarlyFinal)) == 1
    stage.apply(
        PartialResult(
            committed="",
            tentative="Hello",
            language="en",
            turn_probability=0.99,
            **first.model_dump(include={"utterance", "revision", "start_ms", "end_ms"}),
        )
    )
    assert stage.events(TurnEnd) == []
    stage.be_silent(0.3)
    judged(stage, 0.1, "Hello again")
    stage.be_silent(1.3)
    (turn,) = stage.events(TurnEnd)
    assert turn.probability == 0.1, "of the last pause"


def test_an_unfinished_pause_does_not_lengthen_the_next_one() -> None:
    stage = paused()
    judged(stage, 0.1)
    stage.be_silent(0.6)
    stage._record(stage.session.set_backpressure(Backpressure.STOP))  # the next pause is not judged
    stage.speak(0.5)
    stage.be_silent(0.7)
    assert len(stage.events(TurnEnd)) == 1


def test_a_long_turn_has_an_end() -> None:
    """Without turns, a short pause near the length limit ends an utterance."""
    stage = Stage(served=JUDGED, turn_threshold=0.7)
    stage.speak(21)
    stage.be_silent(8)
    assert len(stage.events(SpeechEnded)) == len(stage.events(TurnEnd)) == 1


@pytest.mark.parametrize(
    ("probability", "change"),
    [
        (None, {"turn_threshold": 0.0}),
        (0.2, {"turn_threshold": 0.0}),
        (0.2, {"turn_max_ms": 1_000}),
        (0.5, {"turn_threshold": 0.4}),
    ],
)
def test_options_change_immediately_also_in_a_pause(probability: float | None, change: dict[str, Any]) -> None:
    stage = paused(turn_max_ms=10_000)
    if probability:
        judged(stage, probability)
    stage.receive(Configure(**change))
    stage.be_silent(1.2)
    assert len(stage.events(SpeechEnded)) == 1


def test_a_pause_whose_early_final_is_lost_ends_as_usual() -> None:
    stage = paused(turn_max_ms=10_000)
    stage._record([*stage.session.recover_lost_jobs(SessionRecord(Start(), "c", epoch=1), stage.now)])
    stage.be_silent(1.0)
    assert len(stage.events(SpeechEnded)) == 1


def test_a_resumed_client_gets_the_ends_of_turns_that_it_missed() -> None:
    session = Session("s", "c", SessionPolicy())
    record = SessionRecord(Start(turn_threshold=0.7), "c", epoch=1, count=1, next=1)
    session.resume(Resume(session="s", token="t"), record)
    actions = session.apply_result(ChannelMessage("1-0", final(1, "Hello.")), 0.0)
    assert [type(action.event) for action in actions if isinstance(action, SendEvent)] == [TurnEnd, Final]


def test_an_utterance_that_is_cut_ends_no_turn() -> None:
    stage = Stage(served=JUDGED, turn_threshold=0.7)
    stage.speak(26)
    assert len(stage.events(SpeechEnded)) == 1
    assert stage.events(TurnEnd) == []


def test_the_client_ends_a_turn_at_once() -> None:
    stage = Stage(served=JUDGED, turn_threshold=0.7)
    stage.speak(1)
    stage.receive(Finalize())
    (turn,) = stage.events(TurnEnd)
    assert (turn.probability, turn.silence_ms) == (None, 0)


def test_an_early_final_has_the_probability() -> None:
    stage = paused(0.4, early_final_ms=300)
    judged(stage, 0.4)
    (early,) = stage.events(EarlyFinal)
    assert early.turn_probability == 0.4
    assert "turn_probability" not in to_json(early.model_copy(update={"turn_probability": None}))


def test_the_threshold_can_be_changed() -> None:
    stage = paused(0.1)
    stage.receive(Configure(turn_threshold=0.3))
    stage.be_silent(0.2)
    judged(stage, 0.4)
    assert len(stage.events(TurnEnd)) == 1


def test_turns_are_not_judged_before_a_worker_announces_it() -> None:
    """At the start of a gateway: nothing would answer, and the pause would last too long."""
    stage = Stage(turn_threshold=0.7, endpoint_ms=600)
    stage.speak(1)
    stage.be_silent(0.3)
    assert not stage.of(SubmitFinal)[-1].job.judge_turn
    stage.be_silent(0.4)
    assert len(stage.events(TurnEnd)) == 1
    assert stage.events(Notice) == []


def test_a_resumed_session_is_judged_as_well() -> None:
    session = Session("s", "c", SessionPolicy(), served=lambda: JUDGED)
    session.resume(Resume(session="s", token="t"), SessionRecord(Start(turn_threshold=0.7), "c", epoch=1))
    windows = np.zeros((1, 512), np.int16)
    actions = [
        action
        for probability in [0.9] * 40 + [0.0] * 10
        for action in session.receive_audio(windows, np.array([probability], np.float32), 0.0)
    ]
    (early,) = [action for action in actions if isinstance(action, SubmitFinal)]
    assert early.job.judge_turn


def test_the_client_is_notified_if_no_worker_judges_turns() -> None:
    stage = Stage(turn_threshold=0.7, endpoint_ms=600, served=ServedLanguages(turns=False))
    (notice,) = stage.events(Notice)
    assert notice.code == "turns_not_judged"
    stage.speak(1)
    stage.be_silent(0.3)
    assert not stage.of(SubmitFinal)[-1].job.judge_turn
    stage.be_silent(0.4)
    assert len(stage.events(TurnEnd)) == 1


@pytest.mark.parametrize("field", ['"turn_threshold":1.5', '"turn_threshold":-1', '"turn_max_ms":100'])
def test_values_outside_the_range_are_refused(field: str) -> None:
    with pytest.raises(ProtocolError, match="turn_"):
        parse_client(f'{{"type":"start",{field}}}')
