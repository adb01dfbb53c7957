"""Captions that wait for a moderator."""

from dataclasses import replace
from typing import Any

from backend.messages.jobs import ChannelMessage
from backend.messages.rooms.captions import Caption
from backend.messages.rooms.moderation import RoomHold
from gateway.rooms.lines.held import MAX_LINES, HeldCaptions, shown_captions

HOLD = RoomHold(hold_ms=5_000)


def final(at_ms: int, line: str, text: str = "x", **fields: Any) -> ChannelMessage:
    caption = Caption.model_validate({"line": line, "text": text, "language": "en", "is_final": True, **fields})
    return ChannelMessage(f"{at_ms}-0", caption)


def live(line: str) -> ChannelMessage:
    return ChannelMessage(None, Caption(line=line, text="x", language="en"))


def correction(at_ms: int, line: str, text: str) -> ChannelMessage:
    return final(at_ms, line, text, is_correction=True, language="en" if text else "")


def held(hold: RoomHold = HOLD) -> HeldCaptions:
    captions = HeldCaptions()
    captions.hold = hold
    return captions


def texts(messages: list[ChannelMessage]) -> list[str]:
    return [message.event.text for message in messages if isinstance(message.event, Caption)]


def test_without_a_hold_captions_are_due_at_once() -> None:
    captions = held(RoomHold())
    assert captions.accept(live("a-1")) == [live("a-1")]
    captions.accept(final(1_000, "a-1"))
    assert captions.wait_s(0) == 0
    assert captions.due(0) == [final(1_000, "a-1")]
    assert captions.wait_s(0) is None


def test_a_line_waits_and_speech_in_progress_is_left_out() -> None:
    captions = held()
    assert captions.accept(live("a-1")) == captions.accept(final(1_000, "a-1")) == []
    assert captions.due(5_999) == []
    assert captions.wait_s(5_999) == 0.001
    assert captions.due(6_000) == [final(1_000, "a-1")]


def test_a_translation_waits_for_no_longer_than_its_line() -> None:
    captions = held()
    spanish = final(2_000, "a-1", "y", language="es", is_translation=True)
    for message in (final(1_000, "a-1"), spanish, final(3_000, "a-2")):
        captions.accept(message)
    assert texts(captions.due(6_000)) == ["x", "y"]


def test_a_release_shows_a_line_and_those_before_it() -> None:
    captions = held()
    for n in (1, 2, 3):
        captions.accept(final(1_000 * n, f"a-{n}", str(n)))
    captions.hold = replace(HOLD, released="2000-0")
    assert texts(captions.due(3_000)) == ["1", "2"]
    captions.hold = RoomHold()
    assert texts(captions.due(3_000)) == ["3"]


def test_after_a_hold_ends_speech_in_progress_follows_the_lines_that_waited() -> None:
    captions = held()
    captions.accept(final(1_000, "a-1"))
    captions.hold = RoomHold()
    assert captions.accept(live("a-2")) == []
    captions.due(2_000)
    assert captions.accept(live("a-2")) == [live("a-2")]


def test_readers_never_get_the_text_that_was_corrected_while_it_waited() -> None:
    captions = held()
    captions.accept(final(1_000, "a-1", "secret"))
    captions.accept(final(1_500, "a-2", "wrong"))
    assert captions.accept(correction(2_000, "a-1", "")) == []
    assert captions.accept(correction(2_500, "a-2", "right")) == []
    assert texts(captions.due(9_000)) == ["", "right", "", "right"]


def test_a_correction_of_a_line_that_readers_have_does_not_wait() -> None:
    captions = held()
    captions.accept(final(1_000, "a-1", "wrong"))
    captions.due(6_000)
    captions.accept(final(6_000, "a-2", "later"))
    (at_once,) = captions.accept(correction(7_000, "a-1", "right"))
    # Not its own position: a reader that resumes must not miss what waits.
    assert (at_once.cursor, texts([at_once])) == ("1000-0", ["right"])
    assert texts(captions.due(11_000)) == ["later", "right"]


def test_the_correction_of_a_line_that_readers_have_had_for_long_does_not_wait() -> None:
    captions = held()
    for n in range(MAX_LINES + 1):
        captions.accept(final(n + 1, f"a-{n}", "secret"))
    captions.due(9_000)
    captions.accept(correction(9_000, "a-0", ""))
    assert texts(captions.due(9_000)) == [""]
    log = [("9000-0", Caption(line="a-0", text="", language="", is_final=True, is_correction=True))]
    assert shown_captions(log, replace(HOLD, now_ms=9_000)) == log


def test_the_log_is_shown_up_to_the_first_line_that_waits() -> None:
    log = [(f"{at}-0", Caption(line=f"a-{at}", text="x", language="en", is_final=True)) for at in (1_000, 2_000)]
    assert shown_captions(log, replace(HOLD, now_ms=6_500)) == log[:1]
    assert shown_captions(log, RoomHold()) == log


def test_the_beginnings_of_old_lines_are_forgotten() -> None:
    captions = held(RoomHold())
    for n in range(MAX_LINES + 9):
        captions.accept(final(n + 1, f"a-{n}"))
        captions.due(0)
    assert len(captions._began) == MAX_LINES
