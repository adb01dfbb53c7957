"""The state that a client needs to resume a session on another connection, and the reconnect delays. Pure."""

from backend.backoff import Backoff
from backend.client.channel_progress import ChannelProgress
from backend.client.replay_buffer import ReplayBuffer
from backend.messages.channels import ChannelPosition
from backend.messages.options import Options
from backend.messages.protocol import Configure, Ready, Resume, ServerMessage, Start

# Reconnect delays in seconds. A connection that lasted longer than the cap counts as a good one.
BASE_S, CAP_S = 0.1, 5.0


class SessionProgress:
    """The state of a session as its client knows it. It outlives connections, gateways and the server's session."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._configured = False
        self._session = self._token = self._correlation_id = ""
        same = ChannelPosition(audio_from_ms=start.audio_from_ms, utterance=start.utterance)
        count = start.audio.channels if start.multichannel else 1
        self._channels = [ChannelProgress(begin) for begin in start.positions or [same] * count]
        self.buffer = ReplayBuffer(start.audio, self._covered_ms)

    @property
    def cursor(self) -> str:
        """The cursors of all channels. It changes with each durable event."""
        return " ".join(channel.cursor for channel in self._channels)

    @property
    def _covered_ms(self) -> int:
        """Audio before this position has results in all channels."""
        return min(channel.covered_ms for channel in self._channels)

    def apply_ready(self, ready: Ready) -> None:
        """Record a new connection, and rewind the replay buffer to the position from which the server expects audio."""
        if ready.session != self._session:
            cursors = [channel.cursor for channel in ready.channels or ()] or [ready.cursor]
            for channel, cursor in zip(self._channels, cursors, strict=True):
                channel.cursor = cursor
        self._session, self._token = ready.session, ready.resume_token
        self._correlation_id = ready.correlation_id
        self.buffer.rewind(ready.audio_from_ms)

    def apply_configure(self, change: Configure) -> None:
        """Record a change of options."""
        self._start = change.applied_to(self._start)
        self._configured = True

    def apply_event(self, event: ServerMessage) -> bool:
        """Record an event. Returns False for a final that was already received."""
        is_new = self._channels[getattr(event, "channel", None) or 0].apply_event(event)
        self.buffer.discard_before(self._covered_ms)
        return is_new

    def resume_message(self) -> Resume:
        """The first message on a new connection while the server knows the session."""
        states = [channel.resume_state(self.buffer.start_ms) for channel in self._channels]
        if self._start.multichannel:
            return Resume(session=self._session, token=self._token, channels=tuple(states))
        return Resume(session=self._session, token=self._token, **dict(states[0]))

    def restart_message(self) -> Start:
        """The first message of a new session that continues this one, after the server has lost it."""
        positions = [channel.restart_position(self.buffer.start_ms) for channel in self._channels]
        begin = {"positions": tuple(positions)} if self._start.multichannel else dict(positions[0])
        return self._start.model_copy(update={**begin, "correlation_id": self._correlation_id})

    def options_message(self) -> Configure | None:
        """The current options, or None if they never changed. A gateway that resumes may not know the last change."""
        current = self._start.model_dump(include=set(Options.model_fields))
        return Configure.model_validate(current) if self._configured else None


class ReconnectPolicy:
    """Decides when to reconnect and when to give up. Times are seconds of any one monotonic clock."""

    def __init__(self, timeout_s: float, *, waits_for_place: bool = False) -> None:
        """With `waits_for_place`, the timeout starts again whenever a gateway answers that it is full.

        It then does not include the delay before the next attempt, which may be longer than the timeout.
        """
        self._waits_for_place = waits_for_place
        self._timeout_s, self._backoff = timeout_s, Backoff(BASE_S, CAP_S)
        self._deadline = self._attempted_at = -float("inf")
        self._cursor = ""

    def connection_lost(self, now: float, cursor: str) -> None:
        """Start the timeout again, unless the last connection ended quickly without delivering a durable event.

        Otherwise a gateway that accepts a session and then fails would be retried forever.
        """
        if cursor != self._cursor or now - self._attempted_at > CAP_S:
            self._backoff.reset()
            self._deadline = now + self._timeout_s
        self._cursor = cursor

    def attempt_failed(self, now: float, error: Exception) -> None:
        """Call it after each attempt that failed."""
        if self._waits_for_place and getattr(error, "code", "") == "overloaded":
            asked_s = getattr(error, "retry_after_s", None) or 0.0
            self._deadline = now + asked_s + CAP_S + self._timeout_s

    def next_delay_s(self, now: float, at_least_s: float) -> float | None:
        """Return the delay before the next attempt, or None to give up. `at_least_s` is the server's retry_after_s."""
        delay_s = at_least_s + self._backoff.next_delay_s()
        self._attempted_at = now + delay_s
        return delay_s if self._attempted_at < self._deadline else None
