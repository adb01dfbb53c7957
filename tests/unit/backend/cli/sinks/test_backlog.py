"""Captions wait in order, and are dropped when they are too old or too many."""

from backend.cli.sinks.backlog import CaptionBacklog
from backend.cli.sinks.captions import LiveCaption
from tests.unit.backend.cli.sinks.captions import caption


def taken(backlog: CaptionBacklog, count: int = 100) -> list[str]:
    batch = backlog.take(count)
    return [one.lines[0] for one in batch.captions] if batch else []


def numbered(count: int) -> list[LiveCaption]:
    return [caption(str(n)) for n in range(count)]


def test_captions_are_taken_in_order() -> None:
    backlog = CaptionBacklog(30)
    assert backlog.add(numbered(5), now=0) == 0
    assert (taken(backlog, 2), taken(backlog, 2), taken(backlog, 2), taken(backlog)) == (
        ["0", "1"],
        ["2", "3"],
        ["4"],
        [],
    )


def test_captions_that_are_too_old_are_dropped() -> None:
    backlog = CaptionBacklog(30)
    backlog.add([caption("old")], now=0)
    backlog.add([caption("new")], now=10)
    assert backlog.expire(29.9) == 0
    assert backlog.expire(30) == 1
    assert taken(backlog) == ["new"]


def test_a_batch_is_too_old_when_its_last_caption_is() -> None:
    backlog = CaptionBacklog(30)
    backlog.add([caption("old")], now=0)
    backlog.add([caption("new")], now=10)
    batch = backlog.take(2)
    assert batch is not None
    assert batch.expires_at == 40


def test_the_oldest_captions_make_room() -> None:
    backlog = CaptionBacklog(30, limit=3)
    assert backlog.add(numbered(5), now=0) == 2
    assert taken(backlog) == ["2", "3", "4"]


def test_everything_can_be_dropped() -> None:
    backlog = CaptionBacklog(30)
    backlog.add(numbered(2), now=0)
    assert (backlog.clear(), len(backlog)) == (2, 0)
