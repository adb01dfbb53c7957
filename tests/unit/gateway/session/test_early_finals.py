"""Early finals that the client asked for."""

from typing import Any

import pytest

from backend.messages.jobs import PartialResult
from backend.messages.protocol import Clear, Configure, EarlyFinal, EarlyFinalWithdrawn, Final, Partial, SpeechEnded
from backend.messages.session_record import SessionRecord
from gateway.session.actions import SendEvent, SubmitFinal
from tests.testkit.streams.jobs import final
from tests.unit.gateway.session.test_session import Stage


def answered(stage: Stage, text: str = "Hello.", committed: str = "") -> Final:
    """Answer the early final that was submitted last."""
    job = stage.of(SubmitFinal)[-1].job
    result = final(job.utterance, text)
    fields = {**job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"}), "early_final": result}
    stage.apply(PartialResult(committed=committed, tentative=text, language="en", **fields))
    return result


def paused(silence_s: float = 0.4, **options: Any) -> Stage:
    """A session in a pause after one second of speech."""
    stage = Stage(**{"early_final_ms": 300, "endpoint_ms": 600, **options})
    stage.speak(1)
    stage.be_silent(silence_s)
    return stage


def test_a_client_does_not_get_early_finals_unless_it_asks_for_them() -> None:
    stage = paused(early_final_ms=0)
    assert not stage.of(SubmitFinal)[-1].job.early_final
    answered(stage)
    assert stage.events(EarlyFinal) == []


def test_an_early_final_is_followed_by_the_final_with_the_same_text() -> None:
    stage = paused()
    assert stage.of(SubmitFinal)[-1].job.early_final
    result = answered(stage)
    (early,) = stage.events(EarlyFinal)
    assert (early.utterance, early.text, early.confidence) == (1, result.text, result.confidence)
    assert 300 <= early.silence_ms <= 400
    stage.be_silent(0.4)
    assert len(stage.events(SpeechEnded)) == 1
    stage.apply(result, "1-0")
    assert [event.text for event in stage.events(Final)] == ["Hello."]
    assert stage.events(EarlyFinalWithdrawn) == []
    assert len(stage.events(EarlyFinal)) == 1, "once"


def test_a_result_waits_until_the_silence_has_passed() -> None:
    stage = paused(0.25)
    answered(stage)
    assert stage.events(EarlyFinal) == []
    assert len(stage.events(Partial)) == 1, "the text is shown at once"
    stage.be_silent(0.1)
    (early,) = stage.events(EarlyFinal)
    assert early.silence_ms >= 300


def test_more_speech_withdraws_an_early_final() -> None:
    stage = paused()
    answered(stage)
    stage.speak(0.5)
    assert stage.events(EarlyFinalWithdrawn) == [EarlyFinalWithdrawn(utterance=1)]
    stage.be_silent(0.4)
    answered(stage, "Hello again.")
    assert [event.text for event in stage.events(EarlyFinal)] == ["Hello.", "Hello again."]


def test_an_early_final_that_was_not_sent_is_not_withdrawn() -> None:
    stage = paused(0.25)
    answered(stage)
    stage.speak(0.5)
    stage.be_silent(0.1)
    assert stage.events(EarlyFinal) == []
    assert stage.events(EarlyFinalWithdrawn) == []


def test_a_result_that_arrives_after_the_pause_is_void() -> None:
    stage = paused()
    job = stage.of(SubmitFinal)[-1].job
    stage.speak(0.1)
    fields = {**job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"}), "early_final": final(1, "x")}
    stage.apply(PartialResult(committed="", tentative="x", language="en", **fields))
    assert stage.events(EarlyFinal) == []


def test_an_utterance_without_words_has_no_early_final() -> None:
    stage = paused()
    answered(stage, "")
    assert stage.events(EarlyFinal) == []


def test_cleared_audio_withdraws_its_early_final() -> None:
    stage = paused()
    answered(stage)
    stage.receive(Clear())
    assert stage.events(EarlyFinalWithdrawn) == [EarlyFinalWithdrawn(utterance=1)]


def test_the_option_can_be_changed() -> None:
    stage = paused(early_final_ms=0)
    stage.receive(Configure(early_final_ms=300))
    answered(stage)
    assert len(stage.events(EarlyFinal)) == 1


def test_an_early_final_that_redis_lost_is_withdrawn_when_speech_continues() -> None:
    stage = paused()
    answered(stage)
    stage.session.recover_lost_jobs(SessionRecord(stage.session.options, "c"), stage.now)
    stage.speak(0.5)
    assert stage.events(EarlyFinalWithdrawn) == [EarlyFinalWithdrawn(utterance=1)]


def test_an_early_final_that_redis_lost_is_withdrawn_before_the_final() -> None:
    stage = paused()
    answered(stage)
    stage.session.recover_lost_jobs(SessionRecord(stage.session.options, "c"), stage.now)
    stage.be_silent(0.4)
    kinds = EarlyFinal, EarlyFinalWithdrawn, SpeechEnded
    events = [type(send.event) for send in stage.of(SendEvent) if isinstance(send.event, kinds)]
    assert events == list(kinds)
    stage.final(1, "Hello again.", "1-0")
    assert [event.text for event in stage.events(Final)] == ["Hello again."]


@pytest.mark.parametrize("text", ["Hello.", ""])
def test_a_final_without_a_pause_has_no_early_final(text: str) -> None:
    stage = Stage(early_final_ms=300, partials=False)
    stage.speak(1)
    stage.be_silent(1)
    stage.final(1, text, "1-0")
    assert stage.events(EarlyFinal) == []
