"""All clients of a message bus. Each gateway receives the messages of all of them, and serves those that it claims."""

import asyncio
import json
import re
from contextlib import suppress

import structlog

from backend.streams.redis.connection import REDIS_ERRORS
from gateway.apis.ai_voice.bus_session import AFTER_FAILURE_S, CHECK_EVERY_S, BusDoor, BusSession, Rest
from gateway.apis.ai_voice.inbox import Inbox
from gateway.apis.ai_voice.wire import is_start

# Characters that a subject of NATS or a channel of Redis can have, without wildcards.
SESSION_ID = re.compile(r"[^\s*>\x00-\x1f\x7f]{1,128}")
# Clients that a gateway remembers. Messages of others are ignored.
MAX_CLIENTS = 20_000
# A gateway that was not elected tries to claim a client after this time.
ELECTION_S = 0.3
TICK_S = 0.25

log = structlog.get_logger()


class BusSessions:
    """The clients of one bus."""

    def __init__(self, door: BusDoor) -> None:
        self._door = door
        self._active: dict[str, BusSession] = {}
        # Clients of other gateways, and those whose session has ended: until when, and whether they may start again.
        self._resting: dict[str, tuple[float, bool]] = {}
        self._elected: dict[str, asyncio.Event] = {}
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Serve clients until cancelled."""
        async with self._tasks:
            while True:
                await asyncio.sleep(TICK_S)
                self._forget_rested()
                if self._door.services.registry.draining:
                    for session in self._active.values():
                        session.inbox.leave()

    def receive(self, session_id: str, data: bytes, *, is_elected: bool = True) -> None:
        """Add a message of a client. Without `is_elected`, it first waits for the bus to choose a gateway."""
        if session := self._active.get(session_id):
            session.inbox.put(data)
            return
        if not self._may_open(session_id, data):
            return
        inbox = Inbox()
        inbox.put(data)
        # A client whose session has ended here starts again here.
        _, may_start = self._resting.get(session_id, (0.0, False))
        self._open(session_id, inbox, is_elected=is_elected or may_start)

    def elect(self, session_id: str) -> None:
        """The bus has chosen this gateway for a message of a client, which `receive` gets as well."""
        if elected := self._elected.get(session_id):
            elected.set()
        elif session_id not in self._active and self._may_open(session_id, b""):
            self._open(session_id, Inbox(), is_elected=True)

    def _may_open(self, session_id: str, data: bytes) -> bool:
        until, may_start = self._resting.get(session_id, (0.0, False))
        if self._door.now() < until and not (may_start and is_start(data)):
            return False
        has_room = len(self._active) + len(self._resting) < MAX_CLIENTS
        return has_room and not self._door.services.registry.draining and bool(SESSION_ID.fullmatch(session_id))

    def _open(self, session_id: str, inbox: Inbox, *, is_elected: bool) -> None:
        self._resting.pop(session_id, None)
        self._active[session_id] = session = BusSession(self._door, session_id, inbox)
        if not is_elected:
            self._elected[session_id] = asyncio.Event()
        self._tasks.create_task(self._serve(session))

    async def _serve(self, session: BusSession) -> None:
        rest = Rest(AFTER_FAILURE_S, may_start=True)
        try:
            await self._wait_for_election(session.id)
            rest = await session.serve()
        except REDIS_ERRORS as error:
            log.warning("bus_client_refused", error=str(error))
            rest = Rest(CHECK_EVERY_S, may_start=True)
            await self._refuse(session.id)
        except Exception:  # of one client must not end the sessions of others
            log.exception("bus_session_failed")
        finally:
            del self._active[session.id]
            self._elected.pop(session.id, None)
        if rest.may_start and session.inbox.skip_to_start():
            self._open(session.id, session.inbox, is_elected=True)
        else:
            self._resting[session.id] = (self._door.now() + rest.seconds, rest.may_start)

    async def _wait_for_election(self, session_id: str) -> None:
        if elected := self._elected.get(session_id):
            with suppress(TimeoutError):
                async with asyncio.timeout(ELECTION_S):
                    await elected.wait()

    async def _refuse(self, session_id: str) -> None:
        message = {"code": "redis_unavailable", "message": "Redis does not answer; try again later"}
        frame = {"session_id": session_id, "type": "error", **message, "timestamp": self._door.services.clock.wall()}
        try:
            await self._door.publish(session_id, json.dumps(frame).encode())
        except REDIS_ERRORS as error:
            log.warning("bus_message_lost", error=str(error))

    def _forget_rested(self) -> None:
        now = self._door.now()
        for session_id in [name for name, (until, _) in self._resting.items() if until <= now]:
            del self._resting[session_id]
