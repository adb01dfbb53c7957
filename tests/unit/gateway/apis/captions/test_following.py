"""A reader who follows a room as plain text."""

import pytest

from gateway.apis.captions import routes
from gateway.apis.captions.routes import _lines
from gateway.rooms.reader import RoomReader


async def test_a_reader_who_has_left_is_noticed_without_new_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "CHECK_S", 0.01)
    checks = iter([False, False, True])
    reader = RoomReader()
    assert [line async for line in _lines(reader, lambda: next(checks))] == []
    assert reader.ended == "left"
