"""How often and when a lost source is opened again."""

import pytest

from backend.cli.ingest.source_retries import CAP_S, STABLE_S, SourceRetries


def test_attempts_in_a_row_are_limited() -> None:
    retries = SourceRetries(2)
    assert [retries.next_delay_s() is None for _ in range(3)] == [False, False, True]


def test_no_retry_with_a_limit_of_0() -> None:
    assert SourceRetries(0).next_delay_s() is None


def test_without_a_limit_the_delays_stay_below_the_cap() -> None:
    retries = SourceRetries(None)
    delays = [retries.next_delay_s() for _ in range(200)]
    assert all(delay is not None and 0 <= delay <= CAP_S for delay in delays)
    assert max(delay or 0 for delay in delays) > CAP_S / 2


@pytest.mark.parametrize(("seconds", "gives_up"), [(STABLE_S - 1, True), (STABLE_S, False)])
def test_only_a_connection_that_delivers_audio_counts_as_a_success(seconds: float, gives_up: bool) -> None:
    retries = SourceRetries(1)
    retries.opened()
    assert retries.next_delay_s() is not None
    retries.opened()
    retries.received(seconds / 2)
    retries.received(seconds / 2)
    assert (retries.next_delay_s() is None) == gives_up


def test_audio_of_connections_that_soon_failed_is_not_added_up() -> None:
    retries = SourceRetries(3)
    answers = []
    for _ in range(4):
        retries.opened()
        retries.received(STABLE_S - 1)
        answers.append(retries.next_delay_s() is None)
    assert answers == [False, False, False, True]
