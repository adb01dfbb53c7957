"""Time-driven decisions of a connection: when to catch up, verify, renew the record, leave or give up. Pure.

The connection calls `tick` several times a second and executes the returned actions. `now` is a monotonic time in
seconds, `unix_now` is Unix time: jobs carry the latter, and intervals must not depend on clock adjustments.
"""

from dataclasses import dataclass

from backend.errors import ClientError
from backend.messages.protocol import Draining
from gateway.audio.arrivals import Arrivals
from gateway.session.actions import Action, CatchUp, CloseConnection, RenewRecord, SendEvent, VerifyRecord
from gateway.session.backpressure import Backpressure
from gateway.session.session import Session

# Seconds without a result, while results are pending, before the session log is read. Pub/sub may lose messages.
CATCH_UP_S = 2.0
# Seconds without a result, while results are pending, before Redis is checked for lost jobs (after a failover).
VERIFY_S = 10.0
# A recording waits this many times longer for results after `stop`, because live speech comes first (default: 1 h).
# Under full live load, each of 32 recordings (GATEWAY_MAX_RECORDINGS) gets a result in 640 times the work of an entry.
RECORDING_PATIENCE = 30
# Interval of record renewal while the safe audio position moves because of silence. It bounds what a client repeats.
RENEW_S = 5.0


@dataclass(frozen=True, slots=True)
class TimerLimits:
    """Seconds: wait for results after `stop`, longest connection, drain time, time to live of the record in Redis."""

    stop_wait_s: float
    max_session_s: float
    drain_s: float
    session_ttl_s: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """State outside the session at a tick.

    `gap`: the channel may have missed messages. `quota_error`: reason to end the session, such as a revoked key.
    """

    backpressure: Backpressure = Backpressure.NONE
    draining: bool = False
    closing: bool = False
    gap: bool = False
    quota_error: ClientError | None = None


class SessionTimers:
    """Timers of one connection's session."""

    def __init__(self, session: Session, limits: TimerLimits, now: float) -> None:
        self._session, self._limits = session, limits
        # When the session was first found to be stopping.
        self._stopping_at: float | None = None
        self._started_at = self._result_at = self._caught_up_at = self._verified_at = self._renewed_at = now
        self._renewed_audio_ms = session.record().audio_ms
        self._sent_draining = False
        # The connection reports its frames here.
        self.arrivals = Arrivals(now)

    @property
    def stop_wait_s(self) -> float:
        """The longest wait for a result after `stop`, in seconds."""
        is_recording = self._session.options.priority == "recording"
        return self._limits.stop_wait_s * (RECORDING_PATIENCE if is_recording else 1)

    def record_result(self, now: float) -> None:
        """A result has arrived, so all waits for results start again."""
        self._result_at = now

    def tick(self, conditions: Conditions, now: float, unix_now: float) -> list[Action]:
        """Actions that are due. Raises ClientError when the session must end."""
        self._check_limits(conditions, now)
        return [
            *self._session.set_backpressure(conditions.backpressure),
            *self._end_utterance(now, unix_now),
            *self._session.request_due_preview(unix_now),
            *self._drain(conditions),
            *self._recover_results(conditions.gap, now),
            *self._renew_record(now),
        ]

    def _check_limits(self, conditions: Conditions, now: float) -> None:
        if conditions.quota_error:
            raise conditions.quota_error
        if now - self._started_at > self._limits.max_session_s:
            raise ClientError("the session has reached its maximum duration; start another", code="session_too_long")
        if self._session.state != "stopping":
            return
        # Before `stop`, there may have been nothing to wait for.
        self._stopping_at = now if self._stopping_at is None else self._stopping_at
        if now - max(self._result_at, self._stopping_at) > self.stop_wait_s:
            raise ClientError("no worker finished in time; missing results remain in the log", code="overdue")

    def _end_utterance(self, now: float, unix_now: float) -> list[Action]:
        """End the utterance in progress if no audio arrives, as if silence had been received."""
        options = self._session.options
        limit_s = self._session.silence_ms[1] / 1000
        if not options.endpointing or not self.arrivals.audio_has_ended(limit_s, now):
            return []
        return self._session.end_utterance(unix_now)

    def _drain(self, conditions: Conditions) -> list[Action]:
        """Notify the client once, and close when the session is idle: clients then resume at another gateway."""
        actions: list[Action] = []
        if conditions.draining and not self._sent_draining:
            self._sent_draining = True
            actions.append(SendEvent(Draining(within_s=self._limits.drain_s)))
        if conditions.closing or (self._sent_draining and self._session.is_idle):
            actions.append(CloseConnection(1012, "draining"))
        return actions

    def _recover_results(self, gap: bool, now: float) -> list[Action]:
        waiting, actions = self._session.has_pending_results, list[Action]()
        if gap or (waiting and now - max(self._result_at, self._caught_up_at) > CATCH_UP_S):
            self._caught_up_at = now
            actions.append(CatchUp())
        if waiting and now - max(self._result_at, self._verified_at) > VERIFY_S:
            self._verified_at = now
            actions.append(VerifyRecord())
        return actions

    def _renew_record(self, now: float) -> list[Action]:
        passed_s, unchanged_s = now - self._renewed_at, self._limits.session_ttl_s / 4
        if passed_s <= min(RENEW_S, unchanged_s):
            return []
        record = self._session.record()
        # Unchanged records are written as well, before their time to live ends.
        if passed_s <= (RENEW_S if record.audio_ms != self._renewed_audio_ms else unchanged_s):
            return []
        self._renewed_at, self._renewed_audio_ms = now, record.audio_ms
        return [RenewRecord(record)]
