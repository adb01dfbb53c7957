"""Timers of a session, with an artificial clock."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ClientError
from backend.messages.jobs import ChannelMessage
from backend.messages.protocol import Draining, Notice, Start, Stop
from gateway.session.actions import (
    Action,
    CatchUp,
    CloseConnection,
    RenewRecord,
    SendEvent,
    SubmitPreview,
    VerifyRecord,
)
from gateway.session.backpressure import Backpressure
from gateway.session.session import Session
from gateway.session.timers import (
    CATCH_UP_S,
    RECORDING_PATIENCE,
    RENEW_S,
    VERIFY_S,
    Conditions,
    SessionTimers,
    TimerLimits,
)
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final

LIMITS = TimerLimits(stop_wait_s=30, max_session_s=1_000, drain_s=20, session_ttl_s=400)
UNIX_EPOCH = 1_700_000_000.0
TICK_S = 0.25


class Clocked:
    """A session with timers, and the actions of every tick with its time."""

    def __init__(self, **options: Any) -> None:
        self.session = Session("s", "c", SessionPolicy())
        self.session.receive_message(Start(**options), UNIX_EPOCH)
        self.timers = SessionTimers(self.session, LIMITS, 0.0)
        self.now = 0.0
        self.actions: list[tuple[float, Action]] = []

    def wait(self, seconds: float, **conditions: Any) -> list[Action]:
        before = len(self.actions)
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            actions = self.timers.tick(Conditions(**conditions), self.now, UNIX_EPOCH + self.now)
            self.actions += [(self.now, action) for action in actions]
        return [action for _, action in self.actions[before:]]

    def feed(self, seconds: float, probability: float) -> None:
        count = round(seconds / 0.032)
        windows, probabilities = np.zeros((count, 512), np.int16), np.full(count, probability, np.float32)
        self.session.receive_audio(windows, probabilities, UNIX_EPOCH + self.now)

    def close_utterance(self) -> None:
        self.feed(1, 0.9)
        self.feed(1, 0.0)

    def stop(self) -> None:
        self.session.receive_message(Stop(), UNIX_EPOCH + self.now)

    def deliver_final(self, utterance: int) -> None:
        self.session.apply_result(ChannelMessage(f"{utterance}-0", final(utterance)), UNIX_EPOCH + self.now)
        self.timers.record_result(self.now)

    def times_of(self, kind: type[Any]) -> list[float]:
        return [at for at, action in self.actions if isinstance(action, kind)]


def test_an_idle_session_only_renews_its_record() -> None:
    clocked = Clocked()
    actions = clocked.wait(LIMITS.session_ttl_s)
    assert {type(action) for action in actions} == {RenewRecord}
    assert len(actions) == 3, "before a quarter of the time to live has passed four times"


def test_the_record_is_renewed_while_silence_moves_the_safe_position() -> None:
    clocked = Clocked()
    for _ in range(20):
        clocked.feed(1, 0.0)
        clocked.wait(1)
    assert clocked.times_of(RenewRecord) == [RENEW_S + TICK_S, 2 * (RENEW_S + TICK_S), 3 * (RENEW_S + TICK_S)]


def test_a_missing_result_is_looked_for_in_the_log_and_then_in_redis() -> None:
    clocked = Clocked()
    clocked.close_utterance()
    clocked.wait(VERIFY_S + 1)
    catch_ups = clocked.times_of(CatchUp)
    assert catch_ups[0] == CATCH_UP_S + TICK_S
    assert clocked.times_of(VerifyRecord) == [VERIFY_S + TICK_S]
    assert len(catch_ups) == 4


def test_a_result_restarts_the_waits() -> None:
    clocked = Clocked()
    clocked.close_utterance()
    clocked.close_utterance()
    clocked.wait(CATCH_UP_S)
    clocked.deliver_final(1)
    assert clocked.wait(CATCH_UP_S) == []
    clocked.deliver_final(2)
    clocked.wait(60)
    assert clocked.times_of(CatchUp) == clocked.times_of(VerifyRecord) == [], "no result is pending"


def test_a_gap_is_read_at_the_next_tick() -> None:
    assert Clocked().wait(TICK_S, gap=True) == [CatchUp()]


def test_results_that_are_overdue_after_stop_end_the_session() -> None:
    clocked = Clocked()
    clocked.close_utterance()
    clocked.wait(LIMITS.stop_wait_s + 10)
    clocked.deliver_final(1)
    clocked.close_utterance()
    clocked.stop()
    clocked.wait(LIMITS.stop_wait_s + TICK_S)
    with pytest.raises(ClientError) as overdue:
        clocked.wait(TICK_S)
    assert (overdue.value.code, overdue.value.fatal) == ("overdue", True)


def test_the_wait_after_stop_begins_with_it_also_after_a_long_silence() -> None:
    clocked = Clocked(partials=False)
    clocked.wait(2 * LIMITS.stop_wait_s)
    clocked.close_utterance()
    clocked.stop()
    clocked.wait(LIMITS.stop_wait_s)


def test_a_session_has_a_maximum_duration() -> None:
    clocked = Clocked()
    clocked.wait(LIMITS.max_session_s)
    with pytest.raises(ClientError) as too_long:
        clocked.wait(TICK_S)
    assert (too_long.value.code, too_long.value.close_code) == ("session_too_long", 1008)


def test_a_quota_error_ends_the_session() -> None:
    error = ClientError("used up", code="over_quota")
    with pytest.raises(ClientError) as raised:
        Clocked().wait(TICK_S, quota_error=error)
    assert raised.value is error


def test_a_draining_gateway_notifies_once_and_waits_until_the_session_is_idle() -> None:
    clocked = Clocked()
    clocked.close_utterance()
    assert clocked.wait(1, draining=True) == [SendEvent(Draining(within_s=LIMITS.drain_s))]
    clocked.deliver_final(1)
    assert clocked.wait(TICK_S, draining=True) == [CloseConnection(1012, "draining")]


def test_at_the_end_of_the_drain_time_a_busy_session_closes() -> None:
    clocked = Clocked()
    clocked.close_utterance()
    clocked.wait(1, draining=True)
    assert CloseConnection(1012, "draining") in clocked.wait(TICK_S, draining=True, closing=True)


def test_a_change_of_backpressure_is_sent_once() -> None:
    clocked = Clocked()
    actions = clocked.wait(2, backpressure=Backpressure.SLOW)
    events = [action.event for action in actions if isinstance(action, SendEvent)]
    assert [event.code for event in events if isinstance(event, Notice)] == ["previews_slowed"]


def test_an_overdue_preview_is_requested_again() -> None:
    clocked = Clocked()
    clocked.feed(1, 0.9)
    clocked.feed(0.5, 0.9)
    clocked.wait(5)
    assert len(clocked.times_of(SubmitPreview)) == 1, "one request per amount of new audio"


@given(st.lists(st.tuples(st.sampled_from(["speak", "final", "wait", "gap"]), st.integers(1, 20)), max_size=12))
def test_timers_never_act_more_often_than_their_intervals(steps: list[tuple[str, int]]) -> None:
    clocked, finals = Clocked(), 0
    for step, count in steps:
        match step:
            case "speak":
                clocked.close_utterance()
            case "final" if finals < clocked.session.record().count:
                finals += 1
                clocked.deliver_final(finals)
            case "gap":
                clocked.wait(TICK_S, gap=True)
            case _:
                clocked.wait(count * 0.7)
    verified, renewed = clocked.times_of(VerifyRecord), clocked.times_of(RenewRecord)
    assert all(later - earlier > VERIFY_S for earlier, later in pairwise(verified))
    assert all(later - earlier > RENEW_S for earlier, later in pairwise(renewed))
    assert not clocked.times_of(CloseConnection)


@given(st.integers(0, 40), st.integers(0, 3))
def test_pending_results_are_never_without_a_catch_up_for_long(waited_s: int, utterances: int) -> None:
    clocked = Clocked()
    for _ in range(utterances):
        clocked.close_utterance()
    clocked.wait(waited_s)
    times = [0.0, *clocked.times_of(CatchUp), clocked.now]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert (max(gaps) <= CATCH_UP_S + 2 * TICK_S) if utterances else (len(times) == 2)


def test_a_recording_waits_longer_for_results_after_its_end() -> None:
    clocked = Clocked(priority="recording")
    clocked.close_utterance()
    clocked.stop()
    clocked.wait(RECORDING_PATIENCE * LIMITS.stop_wait_s - TICK_S)
    with pytest.raises(ClientError) as overdue:
        clocked.wait(1)
    assert overdue.value.code == "overdue"
