"""Sessions of another system, which speak as those of `nova load` do."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from backend.load.monologue import PreparedClip
from backend.load.run import LoadPlan
from backend.load.score import LoadLedger, Score, score
from backend.messages.jobs import SAMPLE_RATE
from tests.bench.peers.dialects import Dialect
from tests.bench.peers.servers import Peer, PeerServer, serving
from tests.bench.peers.texts import timed, written

# Time until a server takes the audio of a session: it may load its models first.
READY_S = 120.0
# A session ends when it has received no text for QUIET_S after its speech, at the latest after LONGEST_WAIT_S.
QUIET_S, LONGEST_WAIT_S = 30.0, 90.0


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """The figures of a run. `cores` is the CPU time of the server per second while the sessions speak."""

    score: Score
    word_error_percent: float | None
    cores: float


@dataclass(slots=True)
class PeerSession:
    """A session, and the messages with text that it has received, with arrival times."""

    dialect: Dialect
    ledger: LoadLedger
    received: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    has_spoken: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, port: int) -> ClientConnection:
        """Connect, and wait until the server takes audio. Pings are off: a busy server answers them too late."""
        url = f"ws://127.0.0.1:{port}{self.dialect.path}"
        connection = await connect(url, max_size=None, open_timeout=READY_S, ping_interval=None)
        await connection.send(json.dumps(self.dialect.opening))
        async with asyncio.timeout(READY_S):
            while not self.dialect.is_ready(json.loads(await connection.recv())):
                pass
        self.ledger.session = str(connection.id)
        return connection

    async def speak(self, connection: ClientConnection, clock: float, begin_s: float) -> None:
        """Send the audio in real time from `begin_s` seconds after `clock`, and wait until no text comes."""
        reading = asyncio.create_task(self._read(connection, clock))
        try:
            await self._send(connection, clock, begin_s)
            self.has_spoken.set()
            await self._wait(clock, reading)
        except (OSError, WebSocketException) as error:
            self.ledger.error = error
        finally:
            self.has_spoken.set()
            reading.cancel()

    async def _read(self, connection: ClientConnection, clock: float) -> None:
        async for text in connection:
            message = json.loads(text)
            if self.dialect.has_text(message):
                self.received.append((time.monotonic() - clock, message))

    async def _send(self, connection: ClientConnection, clock: float, begin_s: float) -> None:
        """Send each frame when it is due. The schedule is absolute, as that of `nova load`."""
        for number, frame in enumerate(self.ledger.frames):
            due = clock + begin_s + number * self._interval_s
            await asyncio.sleep(due - time.monotonic())
            now = time.monotonic()
            self.ledger.sent_at.append(now - clock)
            self.ledger.lag_s.append(now - due)
            await connection.send(self.dialect.packet(frame))

    async def _wait(self, clock: float, reading: asyncio.Task[None]) -> None:
        """Wait for the last texts. As in `nova load`, nothing is sent after the silence that ends the audio."""
        spoken = time.monotonic() - clock
        while (now := time.monotonic() - clock) < spoken + LONGEST_WAIT_S and not reading.done():
            if now > max([spoken, *(at for at, _ in self.received[-1:])]) + QUIET_S:
                return
            await asyncio.sleep(self._interval_s)

    @property
    def _interval_s(self) -> float:
        return self.ledger.frame_samples / SAMPLE_RATE


async def measure(peer: Peer, plan: LoadPlan, clips: Sequence[PreparedClip], model: Path, folder: Path) -> PeerFigures:
    """Run the sessions of a plan against another system."""
    sessions = [PeerSession(peer.dialect, ledger) for ledger in plan.ledgers(clips)]
    async with serving(peer, model, plan.sessions, folder) as server, contextlib.AsyncExitStack() as stack:
        opened = [(one, connection) for one in sessions if (connection := await _open(one, server, stack))]
        clock, before = time.monotonic(), server.cpu_s()
        async with asyncio.TaskGroup() as tasks:
            for number, (session, connection) in enumerate(opened):
                tasks.create_task(session.speak(connection, clock, number * plan.stagger_s))
            await asyncio.gather(*(session.has_spoken.wait() for session, _ in opened))
            cores = (server.cpu_s() - before) / (time.monotonic() - clock)
    return figures(sessions, plan, cores)


async def _open(session: PeerSession, server: PeerServer, stack: contextlib.AsyncExitStack) -> ClientConnection | None:
    try:
        connection = await session.open(server.port)
    except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
        session.ledger.error = error
        return None
    stack.push_async_callback(connection.close)
    return connection


def figures(sessions: Sequence[PeerSession], plan: LoadPlan, cores: float) -> PeerFigures:
    """Score the sessions of a run as `nova load` does."""
    texts = [session.dialect.texts(session.ledger, session.received) for session in sessions]
    ledgers = [session.ledger for session in sessions]
    scored = score([timed(*one) for one in zip(ledgers, texts, strict=True)], plan.lead_s, plan.end_s)
    errors = score([written(*one) for one in zip(ledgers, texts, strict=True)]).word_error_percent
    return PeerFigures(scored, errors, cores)
