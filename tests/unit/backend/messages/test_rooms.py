"""Lines that wait for the moderators of a room."""

import pytest

from backend.messages.rooms.moderation import RoomHold


@pytest.mark.parametrize(
    ("hold_ms", "released", "visible_ms"),
    [(0, "0-0", 90_000), (20_000, "0-0", 70_000), (20_000, "80000-3", 80_000), (20_000, "60000-0", 70_000)],
)
def test_lines_are_visible_up_to_the_hold_or_the_last_release(hold_ms: int, released: str, visible_ms: int) -> None:
    assert RoomHold(hold_ms, released).visible_ms(90_000) == visible_ms
