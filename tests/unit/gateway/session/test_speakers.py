"""Labels of speakers in a session: what jobs ask for, and what survives a resume."""

from backend.messages.jobs import ChannelMessage
from backend.messages.protocol import Configure, Final, Notice, Resume, Start
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from gateway.session.actions import SendEvent, SubmitFinal, SubmitPreview
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.voices import spoken_final
from tests.unit.gateway.session.test_session import Stage

DESCRIBED = ServedLanguages(voices=True)


def spoken(**options: bool) -> Stage:
    stage = Stage(served=DESCRIBED, **options)
    stage.speak(2)
    stage.be_silent(1)
    return stage


def test_only_finals_of_sessions_that_want_labels_have_their_voices_described() -> None:
    stage = spoken(speakers=True)
    assert {submit.job.describe_voices for submit in stage.of(SubmitFinal)} == {True}
    assert {submit.job.describe_voices for submit in stage.of(SubmitPreview)} == {False}
    assert {submit.job.describe_voices for submit in spoken().of(SubmitFinal)} == {False}


def test_finals_are_labelled_and_keep_no_voice() -> None:
    stage = spoken(speakers=True)
    stage.apply(spoken_final(1, 7), "1-0")
    (event,) = stage.events(Final)
    assert type(event) is Final
    assert event.speaker == "1"


def test_labels_can_be_switched_on_and_off() -> None:
    stage = spoken()
    stage.receive(Configure(speakers=True, max_speakers=2))
    stage.speak(2)
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.describe_voices
    for number in (1, 2, 3):
        stage.apply(spoken_final(number, number), f"{number}-0")
    assert {event.speaker for event in stage.events(Final)} == {"1", "2"}
    stage.receive(Configure(speakers=False))
    stage.apply(spoken_final(4, 1), "4-0")
    assert stage.events(Final)[-1].speaker is None


def test_the_client_is_notified_if_no_worker_describes_voices() -> None:
    stage = Stage(speakers=True, served=ServedLanguages(voices=False))
    (notice,) = stage.events(Notice)
    assert notice.code == "speakers_not_labelled"
    stage.speak(2)
    stage.be_silent(1)
    assert not stage.of(SubmitFinal)[-1].job.describe_voices
    stage.final(1, "Hello.", "1-0")
    assert [event.speaker for event in stage.events(Final)] == [None]


def test_a_resumed_session_continues_the_labels() -> None:
    stage = spoken(speakers=True)
    for number, speaker in ((1, 7), (2, 8)):
        stage.apply(spoken_final(number, speaker), f"{number}-0")
    record = stage.session.record()
    assert SessionRecord.read(_stored(record)).speakers == record.speakers
    session = Session("s", "c", SessionPolicy(), served=lambda: DESCRIBED)
    session.resume(Resume(session="s", token="t", utterance=1, cursor="1-0"), record)
    assert session.log_cursor == "1-0"
    events = []
    for number, speaker in ((2, 8), (3, 9), (4, 7)):
        actions = session.apply_result(ChannelMessage(f"{number}-0", spoken_final(number, speaker)), 0.0)
        events += [action.event for action in actions if isinstance(action, SendEvent)]
    assert [event.speaker for event in events if isinstance(event, Final)] == ["2", "3", "1"]


def test_a_session_without_a_stored_state_reads_its_whole_log() -> None:
    session = Session("s", "c", SessionPolicy(), served=lambda: DESCRIBED)
    record = SessionRecord(Start(speakers=True), "c", epoch=1, next=3, count=2)
    session.resume(Resume(session="s", token="t", utterance=2, cursor="2-0"), record)
    assert session.log_cursor == "0-0"
    actions = [
        action
        for number, speaker in ((1, 7), (2, 8), (3, 8))
        for action in session.apply_result(ChannelMessage(f"{number}-0", spoken_final(number, speaker)), 0.0)
    ]
    (event,) = [action.event for action in actions if isinstance(action, SendEvent)]
    assert isinstance(event, Final)
    assert (event.utterance, event.speaker) == (3, "2")
    assert session.log_cursor == "3-0"


def _stored(record: SessionRecord) -> list[bytes]:
    fields = {**record.fields(), "epoch": "0", "next": "1"}
    return [text.encode() for pair in fields.items() for text in pair]
