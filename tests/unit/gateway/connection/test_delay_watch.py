"""When a client receives a notice that Redis does not answer."""

from contextlib import suppress

import pytest

from gateway.connection.delay_watch import BLOCKED_S, CHECK_EVERY_S, SILENT_S, DelayNotices, RedisUnavailableError

LONGEST_SILENCE_S = 30.0


def codes(notices: DelayNotices, *checks: tuple[float, float]) -> list[str]:
    """The notices of these checks, each of the silence and the duration of the current write."""
    return [notice.code for check in checks if (notice := notices.check(*check))]


def test_answers_in_time_give_no_notice() -> None:
    assert codes(DelayNotices(), (0.0, 0.0), (0.5, 0.2), (SILENT_S, BLOCKED_S)) == []


@pytest.mark.parametrize("late", [(SILENT_S + 0.1, 0.0), (0.0, BLOCKED_S + 0.1)], ids=["silent", "blocked"])
def test_one_notice_tells_of_the_delay_and_one_of_its_end(late: tuple[float, float]) -> None:
    assert codes(DelayNotices(), late, late, late, (0.1, 0.0), (0.2, 0.0)) == ["delayed", "delay_over"]


def test_the_delay_is_not_over_while_the_session_still_writes_what_waited() -> None:
    late, writing = (SILENT_S + 1, SILENT_S + 1), (0.1, SILENT_S + 2)
    assert codes(DelayNotices(), late, late, writing, writing) == ["delayed"]


def test_a_pause_of_the_process_is_no_delay() -> None:
    assert codes(DelayNotices(), (9.0, 9.0), (0.0, 0.0), (9.0, 9.0), (0.0, 0.0)) == []


def test_every_delay_is_notified() -> None:
    late, usual = (9.0, 0.0), (0.0, 0.0)
    assert codes(DelayNotices(), late, late, usual, late, late, usual) == ["delayed", "delay_over"] * 2


def test_a_silent_redis_is_noticed_within_three_seconds() -> None:
    notices, silent_s = DelayNotices(), 0.0
    while not notices.check(silent_s, 0.0):
        silent_s += CHECK_EVERY_S
    assert silent_s < 3.0


def test_a_client_is_closed_while_it_still_has_all_audio() -> None:
    notices, silent_s = DelayNotices(), 0.0
    with suppress(RedisUnavailableError):
        while silent_s < 60.0:
            notices.check(silent_s, 0.0)
            silent_s += CHECK_EVERY_S
    assert silent_s == pytest.approx(LONGEST_SILENCE_S, abs=2.0)
