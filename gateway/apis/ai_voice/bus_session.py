"""The sessions of one client of a message bus, while this gateway holds the claim on it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import WebSocketDisconnect

from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.bus_claims import CLAIM_TTL_S, RENEW_EVERY_S, BusClaims
from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.ai_voice.inbox import Inbox
from gateway.apis.ai_voice.progress import VoiceProgress
from gateway.apis.ai_voice.wire import pack_json
from gateway.services import GatewayServices
from gateway.tcp.pace import ReadPace
from gateway.tcp.server import serve_session

# How long messages other than `start` are ignored after the end of a session, and after one that failed: a client that
# sends audio without a session gets an error this often.
AFTER_END_S, AFTER_FAILURE_S = 1.0, 5.0
# How often a gateway checks whether it should continue the session of another one.
CHECK_EVERY_S = 1.0
# Until a session can be continued, its progress is stored this often.
OPENING_S = 0.1

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BusDoor:
    """The shared part of all sessions of a bus. `key` is that of all clients; `publish` sends one of them a message."""

    name: str
    services: GatewayServices
    claims: BusClaims
    key: str
    publish: Callable[[str, bytes], Awaitable[None]]

    def now(self) -> float:
        """Seconds, for durations."""
        return self.services.clock.monotonic()


@dataclass(frozen=True, slots=True)
class Rest:
    """For how long a client's messages are ignored, in seconds. `may_start`: all but `start`."""

    seconds: float
    may_start: bool


class BusSession:
    """One client of a bus, by its session id."""

    def __init__(self, door: BusDoor, session_id: str, inbox: Inbox) -> None:
        self._door, self.id, self.inbox = door, session_id, inbox
        self._socket: BusSocket | None = None
        self._progress: VoiceProgress | None = None
        # Whether the last session has ended, and was not only given up.
        self._is_ended = False
        # Until when no other gateway can have taken the claim.
        self._valid_until = 0.0
        self._has_news = asyncio.Event()

    async def serve(self) -> Rest:
        """Serve the client while this gateway holds the claim. Raises REDIS_ERRORS if Redis is unavailable."""
        began = self._door.now()
        stored = await retry_until_available(lambda: self._door.claims.take(self._door.name, self.id))
        if stored is None:
            return Rest(CHECK_EVERY_S, may_start=False)
        self._valid_until = began + CLAIM_TTL_S
        self._progress = VoiceProgress.parse(stored)
        async with asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(self._renew_forever())
            rest_s = await self._serve_streams()
            renewing.cancel()
        await self._release(rest_s)
        return Rest(rest_s if self._is_ended else CHECK_EVERY_S, may_start=self._is_ended)

    async def _serve_streams(self) -> float:
        """Serve streams of the client, one after the other. Returns how long the client is then ignored."""
        while True:
            code = await self._serve_stream()
            if self.inbox.left.is_set() or code in (None, 1012):
                return 0.0
            if self._progress is not None:
                continue  # with a new session, because the old one has expired
            if not self.inbox.skip_to_start():
                self._is_ended = True
                return AFTER_END_S if code == 1000 else AFTER_FAILURE_S

    async def _serve_stream(self) -> int | None:
        """Serve one stream. Returns its close code; None if it is only given up."""
        services = self._door.services
        codec = AiVoiceCodec(self.id, services.clock.wall, self._progress)
        self._socket = socket = BusSocket(self, codec, ReadPace(services.settings))
        await serve_session(services, self._door.name, socket, codec, self._door.key)
        self._progress = codec.progress.restarted() if codec.is_unknown and codec.progress else None
        return socket.close_code

    async def send(self, data: bytes) -> None:
        """Publish a message, unless another gateway has taken the client. Raises WebSocketDisconnect."""
        try:
            if self._door.now() >= self._valid_until and not await retry_until_available(self._renew):
                self.inbox.leave()
                raise WebSocketDisconnect(1006, "another gateway serves this client")
            await self._door.publish(self.id, data)
        except REDIS_ERRORS as error:
            raise WebSocketDisconnect(1006, f"the bus does not take messages: {error}") from None
        self._has_news.set()

    async def _renew_forever(self) -> None:
        while not self.inbox.left.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S if self._progress_json() else OPENING_S):
                    await self._has_news.wait()
            self._has_news.clear()
            try:
                if not await self._renew():
                    self.inbox.leave()
            except REDIS_ERRORS as error:
                log.warning("claim_not_renewed", error=str(error))
                await asyncio.sleep(OPENING_S)

    async def _renew(self) -> bool:
        began = self._door.now()
        is_ours = await self._door.claims.renew(self._door.name, self.id, self._progress_json())
        if is_ours:
            self._valid_until = began + CLAIM_TTL_S
        return is_ours

    def _progress_json(self) -> str:
        progress = self._socket.progress if self._socket else None
        return progress.model_dump_json() if progress and progress.session else ""

    async def _release(self, rest_s: float) -> None:
        try:
            await self._door.claims.release(self._door.name, self.id, rest_s=rest_s, keep=not self._is_ended)
        except REDIS_ERRORS as error:
            log.warning("claim_not_released", error=str(error))  # it expires


class BusSocket:
    """One session of a client of a bus, with the methods of a WebSocket."""

    def __init__(self, session: BusSession, codec: AiVoiceCodec, pace: ReadPace) -> None:
        self._session, self._codec, self._pace = session, codec, pace
        # None until the session has ended.
        self.close_code: int | None = None
        self._is_sending = False
        self._sent = codec.progress

    @property
    def progress(self) -> VoiceProgress | None:
        """How far the client is: it has all results before."""
        if not self._is_sending:
            self._sent = self._codec.progress
        return self._sent

    async def receive(self) -> Any:
        """The next message. After `end` there is none: what follows belongs to the next session."""
        if self._codec.is_ended:
            await self._session.inbox.left.wait()
        frame = await self._session.inbox.get()
        if frame is None:
            return {"type": "websocket.disconnect", "code": 1006}
        await self._pace.wait(len(frame))
        return {"type": "websocket.receive", "bytes": frame}

    async def send_text(self, data: str) -> None:
        """Send a message in the form of the client's last one. Raises WebSocketDisconnect."""
        self._is_sending = True
        await self._session.send(pack_json(data) if self._codec.is_packed else data.encode())
        self._is_sending = False

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """The session is over."""
        self.close_code = code if self.close_code is None else self.close_code
