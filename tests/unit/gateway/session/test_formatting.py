"""Formatting in a session: its jobs carry the option, and the recognized words in addition to the shown ones."""

from typing import Any

from backend.messages.jobs import FinalResult, PartialResult
from backend.messages.protocol import Configure, Partial, Resume, Start
from backend.messages.session_record import SessionRecord
from gateway.session.actions import SubmitFinal, SubmitPreview
from gateway.session.preceding_text import PrecedingText
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.unit.gateway.session.test_session import Stage


def partial(stage: Stage, committed: str, recognized: tuple[str, str] | None) -> PartialResult:
    job = stage.of(SubmitPreview)[-1].job
    return PartialResult(
        utterance=job.utterance,
        revision=job.revision,
        committed=committed,
        tentative="",
        language="en",
        start_ms=job.start_ms,
        end_ms=job.end_ms,
        recognized=recognized,
    )


def test_jobs_carry_the_formatting_of_their_session() -> None:
    stage = Stage(formatting=("numerals",))
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.formatting == ("numerals",)
    stage.receive(Configure(formatting=("fillers",)))
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.formatting == ("fillers",)


def test_the_next_job_has_the_recognized_and_the_shown_words() -> None:
    stage = Stage(formatting=("numerals",))
    stage.speak(1)
    stage.apply(partial(stage, "25", ("twenty five", "")))
    assert stage.events(Partial)[-1].committed == "25"
    stage.speak(1)
    job = stage.of(SubmitPreview)[-1].job
    assert (job.committed, job.written) == ("twenty five", "25")


def test_jobs_of_other_sessions_have_no_written_words() -> None:
    stage = Stage()
    stage.speak(1)
    stage.apply(partial(stage, "twenty five", None))
    stage.speak(1)
    job = stage.of(SubmitPreview)[-1].job
    assert (job.committed, job.written) == ("twenty five", "")


def resumed(**options: Any) -> Stage:
    """A client that has "we have 25" of its open utterance."""
    stage = Stage(**options)
    fields = {**stage.session.record().fields(), "epoch": "0", "next": "1"}
    record = SessionRecord.read([text.encode() for pair in fields.items() for text in pair])
    stage.session = Session("s", "c", SessionPolicy())
    stage.session.resume(Resume(session="s", token="t", open_utterance=1, committed="we have 25"), record)
    stage.speak(1)
    return stage


def test_the_words_of_a_resumed_client_are_not_the_recognized_ones_if_they_are_formatted() -> None:
    job = resumed(formatting=("numerals",)).of(SubmitPreview)[-1].job
    assert (job.committed, job.written, job.is_first_preview) == ("", "we have 25", False)
    job = resumed().of(SubmitPreview)[-1].job
    assert (job.committed, job.written) == ("we have 25", "")


def test_a_partial_that_would_change_committed_words_changes_no_caption() -> None:
    stage = Stage(formatting=("numerals",))
    stage.speak(1)
    stage.apply(partial(stage, "25", ("twenty five", "")))
    stage.speak(1)
    # From a worker that does not format.
    stage.apply(partial(stage, "twenty five cows", None))
    assert [event.committed for event in stage.events(Partial)] == ["25"]
    stage.speak(1)
    job = stage.of(SubmitPreview)[-1].job
    assert (job.committed, job.written) == ("twenty five", "25")


def test_recognition_continues_the_text_before_it_was_formatted() -> None:
    preceding = PrecedingText()
    shown = FinalResult(
        utterance=1, text="25.", language="en", confidence=0.9, start_ms=0, end_ms=900, recognized="Twenty five."
    )
    preceding.add(shown)
    assert preceding.before(2, 1_000) == "Twenty five."


def test_jobs_carry_the_hotwords_of_the_session_and_then_those_of_the_key() -> None:
    stage = Stage()
    stage.session = Session("s", "c", SessionPolicy(), hotwords="Nova, gRPC")
    stage.receive(Start(hotwords="grpc, Redis"))
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.hotwords == "grpc, Redis, Nova"
    stage.receive(Configure(hotwords=""))
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.hotwords == "Nova, gRPC"
