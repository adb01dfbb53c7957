"""A reader who follows a room as plain text."""

import pytest

from backend.messages.rooms.captions import Caption
from gateway.apis.captions import routes
from gateway.apis.captions.printed_lines import MAX_PRINTED, PrintedLines
from gateway.apis.captions.routes import _lines
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.reader import RoomReader


async def test_a_reader_who_has_left_is_noticed_without_new_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "CHECK_S", 0.01)
    checks = iter([False, False, True])
    reader = RoomReader()
    assert [line async for line in _lines(reader, lambda: next(checks))] == []
    assert reader.ended == "left"


def frame(cursor: str, line: str, text: str, *, is_correction: bool = False) -> CaptionFrame:
    caption = Caption(line=line, text=text, language="en", is_final=True, is_correction=is_correction)
    return CaptionFrame.of(caption, cursor)


async def test_a_correction_is_printed_once() -> None:
    reader = RoomReader()
    wrong, right = (frame("1-0", "a-1", text, is_correction=text == "right") for text in ("wrong", "right"))
    in_order = frame("3-0", "a-1", "right", is_correction=True)
    removed, restored = (frame("4-0", "a-1", text, is_correction=True) for text in ("", "right"))
    # The correction came at once, while a later line waited for a moderator.
    for one in (wrong, right, frame("2-0", "a-2", "right"), in_order, removed, restored):
        reader.offer(one)
    reader.end("left")
    printed = "".join([text async for text in _lines(reader, lambda: False)])
    assert printed == "wrong\nright\nright\nright\n"


def test_only_the_last_lines_are_remembered() -> None:
    printed, first = PrintedLines(), frame("1-0", "a-0", "x", is_correction=True).caption
    assert first
    for number in range(MAX_PRINTED):
        assert printed.is_new(first.model_copy(update={"line": f"a-{number}"}))
    assert not printed.is_new(first)
    assert printed.is_new(first.model_copy(update={"line": "b"}))
    assert printed.is_new(first)
