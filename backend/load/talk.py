"""One session in real time, and an account of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from websockets.exceptions import InvalidHandshake

from backend.client.client import Client
from backend.errors import NovaError
from backend.load.account import Account
from backend.load.monologue import Monologue
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Start

GRACE_S = 120.0
"""For the last finals, behind the last word."""


async def talk(
    urls: Sequence[str], monologue: Monologue, start: Start, clock: float, after_s: float, key: str = ""
) -> Account:
    """Connect at `clock` (a time of the monotonic clock, zero of all times in the account) + `after_s`, then speak.

    Never raises for what goes wrong on the way: that stands in the account.
    """
    account = Account(monologue)
    await asyncio.sleep(clock + after_s - time.monotonic())
    try:
        async with (
            asyncio.timeout(monologue.seconds + GRACE_S),
            Client.connect(urls, start, key=key) as client,
            asyncio.TaskGroup() as tasks,
        ):
            account.session = client.ready.session
            tasks.create_task(_speak(client, account, clock))
            async for event in client:
                account.events.append((time.monotonic() - clock, event))
                account.reconnects = client.reconnects
    except* (NovaError, OSError, InvalidHandshake) as trouble:
        account.ended = _code(trouble)
    return account


async def _speak(client: Client, account: Account, clock: float) -> None:
    """Each frame when a microphone would have it; one that is late does not make the next one late."""
    step = account.monologue.frame / SAMPLE_RATE
    due = time.monotonic()
    for frame in account.monologue.frames:
        await asyncio.sleep(due - time.monotonic())
        now = time.monotonic()
        account.sent_at.append(now - clock)
        account.lag_s.append(now - due)
        await client.send(frame)
        due += step
    await client.stop()


def _code(trouble: BaseException) -> str:
    while isinstance(trouble, BaseExceptionGroup):
        trouble = trouble.exceptions[0]
    return trouble.code if isinstance(trouble, NovaError) else type(trouble).__name__
