"""The sessions of a connection's channels: their events, and the end that they share."""

import asyncio
import math
from collections.abc import Callable, Sequence

from backend.errors import NovaError
from backend.messages.channels import ChannelEvent
from backend.messages.protocol import ClientMessage, Done, Draining, Message
from gateway.channels.final_order import FinalOrder
from gateway.connection.transport import Sender
from gateway.session.session import Session


class ChannelGroup:
    """The sessions of one connection, in the order of the channels."""

    def __init__(
        self, sessions: Sequence[Session], sender: Sender, is_closing: Callable[[], bool], max_held: int
    ) -> None:
        """`is_closing`: whether every connection has to close now. `max_held`: results that may wait for others."""
        self._sessions, self._sender = sessions, sender
        self._is_closing, self._max_held = is_closing, max_held
        by_time = sessions[0].options.channel_order == "time"
        self._order = FinalOrder(len(sessions)) if by_time else None
        # Channels whose session log may have results that were sent to no client.
        self._unread = set(range(len(sessions)))
        # Set when results may have to be sent, or when fewer of them wait.
        self._changed = asyncio.Event()
        self._sent_draining = False

    @property
    def is_open(self) -> bool:
        """Whether the audio of a channel has not ended."""
        return any(session.state == "open" for session in self._sessions)

    def send(self, channel: int, event: Message) -> None:
        """Send an event of a channel, or hold it back. Events of all channels together are sent once."""
        match event:
            case Done():
                self._finish_if_done()
            case Draining():
                if not self._sent_draining:
                    self._sent_draining = True
                    self._sender.send(event)
            case ChannelEvent() if not (self._order and self._order.add(channel, event)):
                self._send(channel, event)
        self.update()

    def close(self, code: int, reason: str) -> None:
        """Close the connection for a drain once all channels are idle. The end of the audio closes it with `Done`."""
        if code == 1012 and (self._is_closing() or self._is_idle()):
            self._sender.close(code, reason)

    def mark_log_read(self, channel: int) -> None:
        """The channel has all results that an earlier connection left in its session log."""
        self._unread.discard(channel)
        self.update()

    def update(self) -> None:
        """Results may wait for no other channel any more, because a session has changed."""
        self._changed.set()

    async def send_in_order(self) -> None:
        """Send results as soon as they wait for no other channel, but no faster than the client reads them.

        It is a task of its own, so that a channel has added all events of a batch before one of them is sent.
        """
        while self._order:
            await self._sender.wait_until_half_empty()
            if not self._send_next(self._order):
                await self._wait_for_change()

    async def wait_for_room(self) -> None:
        """Wait while too many results wait, unless they wait for a final whose audio has not been received.

        The longest utterance limits how many wait then.
        """
        while self._order and self._order.count >= self._max_held and not self._needs_audio(self._order):
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _needs_audio(self, order: FinalOrder) -> bool:
        """Whether a channel holds results back that has no final in flight. No wait would end this."""
        return any(not self._sessions[channel].pending_finals for channel in order.blocking(self._frontiers_ms()))

    def _send_next(self, order: FinalOrder) -> bool:
        """Send the next result. Return False if there is none, or if it has to wait."""
        found = order.pop(self._frontiers_ms()) if order.count else None
        if found is None:
            return False
        self._send(*found)
        self.update()
        self._finish_if_done()
        return True

    def _frontiers_ms(self) -> list[float]:
        sessions = enumerate(self._sessions)
        return [-1 if channel in self._unread else _frontier_ms(session) for channel, session in sessions]

    def _send(self, channel: int, event: Message) -> None:
        self._sender.send(event.model_copy(update={"channel": channel}))

    def _is_idle(self) -> bool:
        return not self._has_held() and all(session.is_idle for session in self._sessions)

    def _has_held(self) -> bool:
        """Whether results wait for other channels, or for the client."""
        return self._order is not None and self._order.count > 0

    def _finish_if_done(self) -> None:
        if not self._has_held() and all(session.state == "done" for session in self._sessions):
            self._sender.send(Done())
            self._sender.close(1000, "done")


def _frontier_ms(session: Session) -> float:
    return math.inf if session.state == "done" else session.minimal_record().audio_ms


class ChannelReceiver:
    """Receives what the connection hands to one channel.

    The connection hands a message to all channels, and waits until each has handled it. So they stay at the same
    position, nothing queues up, and a channel whose finals are overdue slows the client down.
    """

    def __init__(self) -> None:
        # The connection calls it: waiting for the other channels is no wait for the client.
        self.on_wait: Callable[[], None] = lambda: None
        self._messages: asyncio.Queue[ClientMessage | bytes] = asyncio.Queue(1)
        self._handled = asyncio.Event()

    async def next_message(self, timeout_s: float) -> ClientMessage | bytes:
        """The next message. The connection limits the time between two frames, so `timeout_s` has no effect."""
        self._handled.set()
        return await self._messages.get()

    async def hand_over(self, message: ClientMessage | bytes) -> None:
        """Hand over a message, when the one before has been handled."""
        await self._handled.wait()
        self._handled.clear()
        self._messages.put_nowait(message)

    async def wait_until_handled(self) -> None:
        """Wait until the session has handled the last message."""
        await self._handled.wait()


class ChannelSender:
    """Sends the events of one channel."""

    def __init__(self, group: ChannelGroup, channel: int, sender: Sender) -> None:
        self._group, self._channel, self._sender = group, channel, sender

    def send(self, event: Message) -> None:
        """Send an event with its channel."""
        self._group.send(self._channel, event)

    def close(self, code: int, reason: str) -> None:
        """The session has ended, or has nothing to do while the gateway drains."""
        self._group.close(code, reason)

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        """Report an error of the client. All channels receive the same messages, so one of them reports it."""
        if fatal or self._channel == 0:
            self._sender.send_error(error, fatal=fatal)

    def fail(self, error: NovaError, close_code: int) -> None:
        """End the whole connection."""
        self._sender.fail(error, close_code)

    async def wait_until_half_empty(self) -> None:
        await self._sender.wait_until_half_empty()
