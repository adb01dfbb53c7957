"""Lines of a room are shown in the order of their speech."""

from hypothesis import given
from hypothesis import strategies as st

from backend.cli.follow.line_order import MAX_WAIT_S, LineOrder
from backend.messages.rooms.captions import Caption
from tests.unit.backend.cli.follow.room_captions import line, texts


def corrected(caption: Caption) -> Caption:
    return caption.model_copy(update={"corrected": True})


def test_a_room_may_be_joined_at_any_line() -> None:
    order = LineOrder()
    assert texts(order.apply(line(7), 0)) == ["Line 7."]
    assert texts(order.apply(line(8), 0)) == ["Line 8."]
    assert order.wait_s(0) is None


@given(st.permutations(range(2, 7)))
def test_lines_in_any_order_are_shown_in_theirs(numbers: list[int]) -> None:
    order = LineOrder()
    shown = [*order.apply(line(1), 0)]
    for number in numbers:
        shown += order.apply(line(number), 0)
    assert texts(shown) == [f"Line {number}." for number in range(1, 7)]


def test_a_line_that_never_arrives_does_not_hold_back_the_rest() -> None:
    order = LineOrder()
    order.apply(line(1), 0)
    assert order.apply(line(3), 0) == order.apply(line(4), 1) == []
    assert order.wait_s(1) == MAX_WAIT_S - 1
    assert order.due(MAX_WAIT_S - 0.1) == []
    assert texts(order.due(MAX_WAIT_S)) == ["Line 3.", "Line 4."]
    # It is too late for the one before them.
    assert order.apply(line(2), MAX_WAIT_S) == []


def test_a_line_is_shown_once_and_not_without_words() -> None:
    order = LineOrder()
    assert texts(order.apply(line(1, "Uno."), 0)) == ["Uno."]
    assert order.apply(line(1, "One."), 0) == order.apply(line(2, ""), 0) == []
    assert texts(order.apply(line(3), 0)) == ["Line 3."]


def test_another_session_continues_the_room() -> None:
    order = LineOrder()
    order.apply(line(1), 0)
    assert order.apply(line(3), 0) == []
    assert texts(order.apply(line(1, "New.", session="b"), 0)) == ["Line 3.", "New."]


def test_corrections_of_lines_that_were_shown_are_ignored() -> None:
    order = LineOrder()
    order.apply(line(1, session="old"), 0)
    order.apply(line(1), 0)
    for number, session in ((1, "a"), (1, "old"), (9, "old")):
        assert order.apply(corrected(line(number, "New.", session)), 0) == []
    # A reader that was away gets only the corrected text.
    assert texts(order.apply(corrected(line(2, "New.")), 0)) == ["New."]


def test_lines_that_were_corrected_before_readers_got_them_are_shown() -> None:
    order = LineOrder()
    assert texts(order.apply(corrected(line(1)), 0)) == ["Line 1."]
    # The correction itself follows at its place in the log.
    assert order.apply(corrected(line(1)), 0) == []
    assert texts(order.apply(corrected(line(1, session="b")), 0)) == ["Line 1."]
    assert order.apply(corrected(line(1)), 0) == []
    assert texts(order.apply(line(2, session="b"), 0)) == ["Line 2."]


def test_a_line_that_is_corrected_while_it_waits_for_others_has_the_new_text() -> None:
    order = LineOrder()
    order.apply(line(1), 0)
    for number in (3, 4):
        order.apply(line(number, "secret"), 0)
    assert order.apply(corrected(line(3, "public")), 1) == order.apply(corrected(line(4, "")), 1) == []
    assert order.wait_s(1) == MAX_WAIT_S - 1
    assert order.apply(line(3, "secret"), 1) == []
    assert texts(order.due(MAX_WAIT_S)) == ["public"]


def test_the_rest_is_shown_at_the_end() -> None:
    order = LineOrder()
    order.apply(line(1), 0)
    order.apply(line(4), 0)
    order.apply(line(3), 0)
    assert texts(order.flush()) == ["Line 3.", "Line 4."]
    assert order.flush() == []


def test_a_line_without_a_number_is_shown_at_once() -> None:
    assert texts(LineOrder().apply(Caption(line="x", text="Text.", language="en", is_final=True), 0)) == ["Text."]


def test_a_line_without_a_usable_number_is_shown_at_once() -> None:
    odd = line(1).model_copy(update={"line": f"a-{'9' * 5_000}"})
    assert LineOrder().apply(odd, 0) == [odd]
