"""Runs the sessions of a connection whose channels are recognized separately."""

import asyncio
import math
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

import structlog

from backend.errors import ClientError
from backend.messages.channels import ChannelEvent
from backend.messages.protocol import Message, Ready, Resume, Start
from gateway.channels.first_messages import channel_session, check_count, divide, join_ready
from gateway.channels.group import ChannelGroup, ChannelReceiver, ChannelSender
from gateway.connection.connection import Connection, HeldSession, report_errors
from gateway.connection.observers.observer import SessionObserver
from gateway.connection.published_rooms import published
from gateway.connection.session_opening import Opening, SessionIdentity, acquire_session, observers
from gateway.connection.transport import SessionTransport, Transport
from gateway.services import GatewayServices
from gateway.session.actions import Action, SendEvent
from gateway.session.slips import SlipAllowance


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel's session, its first actions without `ready`, and its part of the connection."""

    held: HeldSession
    actions: Sequence[Action]
    observer: SessionObserver
    receiver: ChannelReceiver


async def run_channels(
    services: GatewayServices, opening: Opening, first: Start | Resume, transport: Transport, stack: AsyncExitStack
) -> None:
    """Open or resume the session of each channel, and run them until the client leaves or all are done."""
    async with services.admission.open_limit:
        ready, channels = await _open_channels(services, opening, first, stack)
    opening.pending.close()
    transport.sender.on_sent = lambda event: _observe_sent(channels, event)
    transport.sender.send(ready)
    sessions = [channel.held.session for channel in channels]
    registry, settings = services.registry, services.settings
    group = ChannelGroup(sessions, transport.sender, lambda: registry.closing, settings.outbox)
    async with asyncio.TaskGroup() as tasks:
        for number, channel in enumerate(channels):
            sender = ChannelSender(group, number, transport.sender)
            held = channel.held
            inner = published(SessionTransport(channel.receiver, sender, transport.is_lost), held.room, held.session)
            on_log_read = partial(group.mark_log_read, number)
            tasks.create_task(_run_channel(services, channel, inner, on_log_read))
        tasks.create_task(report_errors(transport.sender, group.send_in_order))
        receivers = [channel.receiver for channel in channels]
        tasks.create_task(
            report_errors(transport.sender, lambda: _receive_messages(services, transport, group, receivers))
        )


async def _open_channels(
    services: GatewayServices, opening: Opening, first: Start | Resume, stack: AsyncExitStack
) -> tuple[Ready, list[Channel]]:
    """Acquire all sessions, or none. Return the answer to the client, and the channels."""
    identity = SessionIdentity(first.session, first.token) if isinstance(first, Resume) else SessionIdentity.create()
    if isinstance(first, Start) and not first.correlation_id:
        first = first.model_copy(update={"correlation_id": secrets.token_hex(8)})
    answers, opened = list[Ready](), list[tuple[HeldSession, list[Action]]]()
    divided = divide(first)
    for number, message in enumerate(divided):
        own = SessionIdentity(channel_session(identity.session, number), identity.token, str(number + 1))
        held, actions = await acquire_session(services, opening, message, stack, own, len(divided) - number)
        check_count(first, held.session.options)
        opened.append((held, actions))
        answers.append(_ready_of(actions))
    ready = join_ready(identity.session, identity.token, answers)
    channels = [_channel(held, actions, ready.audio_from_ms, opening, stack) for held, actions in opened]
    structlog.contextvars.bind_contextvars(session=identity.session)
    return ready, channels


def _ready_of(actions: Sequence[Action]) -> Ready:
    return next(action.event for action in actions if isinstance(action, SendEvent) and isinstance(action.event, Ready))


def _channel(
    held: HeldSession, actions: Sequence[Action], from_ms: int, opening: Opening, stack: AsyncExitStack
) -> Channel:
    """A channel of a client that sends its audio again from a position."""
    held = replace(held, skip_ms=held.session.audio_ms - from_ms)
    observer = observers(held, opening.traceparent)
    stack.callback(observer.on_close)
    others = [action for action in actions if not (isinstance(action, SendEvent) and isinstance(action.event, Ready))]
    return Channel(held, others, observer, ChannelReceiver())


async def _run_channel(
    services: GatewayServices, channel: Channel, transport: SessionTransport, on_log_read: Callable[[], None]
) -> None:
    structlog.contextvars.bind_contextvars(session=channel.held.session.id)
    connection = Connection(services, channel.held, transport, channel.observer)
    await report_errors(transport.sender, lambda: connection.run(channel.actions, on_log_read))


async def _receive_messages(
    services: GatewayServices, transport: Transport, group: ChannelGroup, receivers: Sequence[ChannelReceiver]
) -> None:
    """Hand each message of the client to all channels, one after the other."""
    slips = SlipAllowance(services.clock.monotonic())
    while True:
        for receiver in receivers:
            receiver.on_wait()
        try:
            # After `stop`, the sessions themselves limit the wait for their results.
            timeout_s = services.settings.idle_timeout_s if group.is_open else math.inf
            message = await transport.receiver.next_message(timeout_s)
        except ClientError as error:
            if error.fatal or not slips.spend(services.clock.monotonic()):
                raise
            transport.sender.send_error(error)
            continue
        for receiver in receivers:
            await receiver.hand_over(message)
        for receiver in receivers:
            await receiver.wait_until_handled()
        group.update()
        await group.wait_for_room()


def _observe_sent(channels: Sequence[Channel], event: Message) -> None:
    if isinstance(event, ChannelEvent) and event.channel is not None:
        channels[event.channel].observer.on_event_sent(event)
