"""Noise reduction in a session: what its jobs ask for, and the notice where no worker can do it."""

from backend.messages.protocol import Configure, Notice, Resume
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from gateway.session.actions import SubmitFinal, SubmitPreview
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.unit.gateway.session.test_session import Stage

REDUCES = ServedLanguages(denoise=True)


def spoken(stage: Stage) -> set[str]:
    """The noise reduction of the jobs of one more utterance."""
    before = len(stage.of(SubmitFinal)), len(stage.of(SubmitPreview))
    stage.speak(2)
    stage.be_silent(1)
    submitted = [*stage.of(SubmitFinal)[before[0] :], *stage.of(SubmitPreview)[before[1] :]]
    assert {submit.job.kind for submit in submitted} == {"final", "preview"}
    return {submit.job.denoise for submit in submitted}


def test_jobs_carry_the_option_of_their_session() -> None:
    assert spoken(Stage(served=REDUCES)) == {"off"}
    assert spoken(Stage(served=REDUCES, denoise="auto")) == {"auto"}
    assert spoken(Stage(served=REDUCES, denoise="on")) == {"on"}


def test_the_option_can_change_between_utterances() -> None:
    stage = Stage(served=REDUCES)
    stage.receive(Configure(denoise="on"))
    assert spoken(stage) == {"on"}
    stage.final(1, "Hello.", "1-0")
    stage.receive(Configure(denoise="off"))
    assert spoken(stage) == {"off"}


def test_the_client_is_notified_if_no_worker_reduces_noise() -> None:
    without = ServedLanguages(denoise=False)
    (notice,) = Stage(served=without, denoise="auto").events(Notice)
    assert notice.code == "noise_not_reduced"
    assert "nova models pull gtcrn" in notice.message
    stage = Stage(served=without)
    assert not stage.events(Notice)
    stage.receive(Configure(denoise="on"))
    assert [event.code for event in stage.events(Notice)] == ["noise_not_reduced"]


def test_no_notice_is_sent_where_a_worker_can_or_may_do_it() -> None:
    for served in (REDUCES, ServedLanguages()):
        assert not Stage(served=served, denoise="on").events(Notice)


def test_a_resumed_session_keeps_the_option() -> None:
    stage = Stage(served=REDUCES, denoise="on")
    fields = {**stage.session.record().fields(), "epoch": "0", "next": "1"}
    record = SessionRecord.read([text.encode() for pair in fields.items() for text in pair])
    session = Session("s", "c", SessionPolicy(), served=lambda: REDUCES)
    session.resume(Resume(session="s", token="t"), record)
    assert session.options.denoise == "on"
