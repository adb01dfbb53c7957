"""The ledger of a session."""

from backend.errors import EntryError
from backend.load.ledger import SessionLedger, split
from backend.messages.protocol import ServerMessage, Translation
from tests.testkit.streams.jobs import final, partial


def translation(text: str, is_final: bool) -> Translation:
    return Translation(utterance=1, language="es", text=text, is_final=is_final)


def test_split_pads_the_last_frame_with_silence() -> None:
    assert split(b"aabbc\1", 2) == [b"aabb", b"c\1\0\0"]


def test_a_sample_has_the_time_of_its_frame_and_none_before_it_is_sent() -> None:
    ledger = SessionLedger([bytes(3_200)] * 3, sent_at=[5.0, 5.1])
    assert [ledger.sent_time(sample) for sample in (0, 1_599, 1_600, 3_200)] == [5.0, 5.0, 5.1, None]
    assert ledger.sent_s == 0.2


def test_events_are_selected_by_type() -> None:
    partials, translations = (
        [partial(1, "", ""), partial(1, "", "a")],
        [translation("x", False), translation("y", True)],
    )
    events: list[ServerMessage] = [*partials, final(1, "a"), *translations, final(2, "")]
    ledger = SessionLedger([], events=[(float(at), event) for at, event in enumerate(events)])
    assert [at for at, _ in ledger.finals] == [2.0, 5.0]
    assert ledger.partials() == {1: [(1.0, partials[1])]}
    assert (ledger.text(), ledger.translation("es"), ledger.translation("de")) == ("a", "y", "")


def test_the_code_or_the_class_name_tells_what_ended_a_session() -> None:
    errors = [None, EntryError("x", code="c"), ConnectionRefusedError()]
    assert [SessionLedger([], error=error).ended for error in errors] == ["", "c", "ConnectionRefusedError"]
