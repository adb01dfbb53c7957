"""The times of a session become those of the clock."""

from backend.cli.follow.session_times import MAX_DELAY_S, SessionTimes
from backend.messages.rooms.captions import Caption
from tests.unit.backend.cli.follow.room_captions import line


def observed(times: SessionTimes, caption: Caption, now: float) -> tuple[float, float]:
    times.observe(caption, now)
    return times.spoken(caption, now)


def test_the_caption_with_the_least_delay_decides() -> None:
    times = SessionTimes()
    assert observed(times, line(1, start_ms=0, end_ms=2_000), 103.0) == (101.0, 103.0)
    # This one took 1 s less, so the session began earlier than it seemed.
    assert observed(times, line(2, start_ms=3_000, end_ms=5_000), 105.0) == (103.0, 105.0)
    assert observed(times, line(3, start_ms=6_000, end_ms=7_000), 110.0) == (106.0, 107.0)


def test_a_pause_without_audio_moves_the_beginning() -> None:
    times = SessionTimes()
    observed(times, line(1, end_ms=1_000), 101.0)
    now = 101.0 + MAX_DELAY_S + 60
    assert observed(times, line(2, start_ms=1_000, end_ms=2_000), now) == (now - 1, now)


def test_another_session_has_another_beginning() -> None:
    times = SessionTimes()
    observed(times, line(1, end_ms=60_000), 160.0)
    assert observed(times, line(1, session="b", start_ms=0, end_ms=1_000), 162.0) == (161.0, 162.0)


def test_a_caption_without_times_was_spoken_just_now() -> None:
    times = SessionTimes()
    assert observed(times, Caption(line="a-1", text="Text.", language="en"), 100.0) == (98.0, 100.0)
