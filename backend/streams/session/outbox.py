"""Events for webhooks, in Redis until their receiver has accepted them. Any gateway may deliver them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import ClientError
from backend.streams.names import OUTBOX_DUE, OUTBOX_TRIES, outbox_events
from backend.streams.scripts import load_script

# Bound what a receiver that is gone costs: events of a call, and calls with such events.
MAX_EVENTS, MAX_CALLS = 10_000, 10_000


class OutboxFullError(ClientError):
    """Too many events await delivery."""

    code = "overloaded"
    close_code = 1013


@dataclass(frozen=True, slots=True)
class Attempt:
    """The first event of a call, and how many times it has been sent, with this time."""

    number: int
    id: str
    event: str


class Outbox:
    """Events by call. Times are Unix time in seconds."""

    def __init__(self, redis: Redis) -> None:
        self._script: AsyncScript = redis.register_script(load_script("outbox"))

    async def add(self, call: str, event: str, now: float, keep_s: float) -> None:
        """Store an event after those of the same call. Raises OutboxFullError and REDIS_ERRORS."""
        if not await self._run("add", now, call, call, event, int(keep_s) + 1, MAX_EVENTS, MAX_CALLS):
            raise OutboxFullError("too many events of calls await delivery")

    async def claim(self, now: float, lease_s: float, most: int) -> Sequence[str]:
        """Calls whose first event is due. No other gateway delivers them before the lease ends."""
        return [call.decode() for call in await self._run("claim", now, "", _ms(lease_s), most)]

    async def begin(self, call: str, now: float, lease_s: float) -> Attempt | None:
        """The first event of a call, whose next attempt is counted before it is made. None: all are delivered."""
        answer = await self._run("begin", now, call, call, _ms(lease_s))
        return Attempt(int(answer[0]), answer[1].decode(), answer[2].decode()) if answer else None

    async def settle(self, call: str, attempt: Attempt, now: float) -> None:
        """Remove an event that was accepted, or is given up."""
        await self._run("settle", now, call, call, attempt.id)

    async def postpone(self, call: str, now: float, delay_s: float) -> None:
        """Let the next attempt be made later, by any gateway."""
        await self._run("postpone", now, call, call, _ms(now + delay_s))

    async def _run(self, operation: str, now: float, call: str, *arguments: str | int) -> Any:
        keys = [OUTBOX_DUE, OUTBOX_TRIES, outbox_events(call)]
        return await self._script(keys=keys, args=[operation, _ms(now), *arguments])


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
