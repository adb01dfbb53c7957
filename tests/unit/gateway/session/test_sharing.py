"""A session that is resumed keeps from where it is shared in a room, and what its own client asked for."""

from backend.messages.protocol import Configure, Resume, Start
from backend.messages.session_record import SessionRecord
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.unit.gateway.session.test_session import Stage


def stored(session: Session) -> SessionRecord:
    """The record of a session as another gateway reads it."""
    fields = {**session.record().fields(), "epoch": "1", "next": "2"}
    return SessionRecord.read([part.encode() for pair in fields.items() for part in pair])


def resumed(record: SessionRecord, cursor: str) -> Session:
    session = Session("s", "c", SessionPolicy())
    session.resume(Resume(session="s", token="t", utterance=1, cursor=cursor), record)
    return session


def test_a_resumed_session_is_shared_from_where_it_was() -> None:
    stage = Stage(translate_to=("fr",))
    stage.speak(1)
    stage.be_silent(1)
    stage.final(1, "private", "5-0")
    stage.receive(Configure(room="talk", translate_to=("de",)))
    again = resumed(stored(stage.session), "9-0")
    assert again.sharing == stage.session.sharing
    assert (again.sharing.begin, again.sharing.asked) == ("5-0", ("fr", "de"))
    again.receive_message(Configure(translate_to=()), 0.0)
    assert again.sharing == stage.session.sharing


def test_another_room_gets_only_what_follows() -> None:
    session = resumed(stored(Stage(room="talk").session), "9-0")
    assert session.sharing.begin == "0-0"
    session.receive_message(Configure(room="other"), 0.0)
    assert (session.sharing.begin, session.options.room) == ("9-0", "other")


def test_the_record_of_an_earlier_release_shares_the_whole_session() -> None:
    record = stored(Session("s", "c", SessionPolicy()))
    assert record.sharing.begin == "0-0"
    assert resumed(SessionRecord(Start(translate_to=("fr",)), "c"), "9-0").sharing.asked == ("fr",)
