"""The session driver: runs one session over the public client in real time and records it in a ledger."""

import asyncio
import time
from collections.abc import Sequence
from typing import TypeVar

from websockets.exceptions import InvalidHandshake

from backend.client.client import RECONNECT_TIMEOUT_S, Client
from backend.errors import NovaError, leaf_errors
from backend.load.ledger import SessionLedger
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Start

# Time limit for the last finals and for sends that the server's backpressure delayed, after the last frame is due.
GRACE_S = 120.0

L = TypeVar("L", bound=SessionLedger)


async def drive_session(
    urls: str | Sequence[str],
    start: Start,
    ledger: L,
    *,
    key: str = "",
    clock: float | None = None,
    begin_s: float = 0.0,
    speed: float | None = 1.0,
    reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
) -> L:
    """Open a session, send the ledger's frames, then `stop`, and record everything until `done`. Returns the ledger.

    `clock` is a reading of `time.monotonic()` that is zero for all times in the ledger (default: now). The session
    connects `begin_s` seconds after it. `speed` 1 sends in real time, None as fast as the server reads.
    An error that ends the session (NovaError, OSError, TimeoutError, a failed handshake) is recorded, not raised.
    """
    clock = time.monotonic() if clock is None else clock
    await asyncio.sleep(clock + begin_s - time.monotonic())
    duration_s = len(ledger.frames) * ledger.frame_samples / SAMPLE_RATE
    try:
        async with (
            asyncio.timeout(duration_s / speed + GRACE_S if speed else None),
            Client.connect(urls, start, key=key, reconnect_timeout_s=reconnect_timeout_s) as client,
            asyncio.TaskGroup() as tasks,
        ):
            ledger.session = client.ready.session
            tasks.create_task(_send_frames(client, ledger, clock, speed))
            async for event in client:
                ledger.events.append((time.monotonic() - clock, event))
                ledger.reconnects = client.reconnects
    except* (NovaError, OSError, InvalidHandshake) as group:
        ledger.error = leaf_errors(group)[0]
    return ledger


async def _send_frames(client: Client, ledger: SessionLedger, clock: float, speed: float | None) -> None:
    """Send each frame when it is due. The schedule is absolute, so a late frame does not delay the next ones."""
    interval_s = ledger.frame_samples / SAMPLE_RATE / speed if speed else 0.0
    began = time.monotonic()
    for number, frame in enumerate(ledger.frames):
        due = began + number * interval_s
        await asyncio.sleep(due - time.monotonic())
        now = time.monotonic()
        ledger.sent_at.append(now - clock)
        ledger.lag_s.append(now - due)
        await client.send(frame)
    await client.stop()
