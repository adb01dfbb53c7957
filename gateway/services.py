"""The objects that all connections and HTTP routes of a gateway share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Self

from redis.asyncio import Redis

from backend.service.clock import SYSTEM_CLOCK, Clock
from backend.service.heartbeat import publish_heartbeats
from backend.service.lifecycle import process_name, trim_memory_periodically
from backend.streams.access.api_keys import ApiKeys
from backend.streams.access.client_secrets import ClientSecrets
from backend.streams.access.quota import Quota
from backend.streams.access.voice_profiles import VoiceProfiles
from backend.streams.job_streams import JobStreams
from backend.streams.names import WORKERS, worker_key
from backend.streams.observe.silence import RedisSilence
from backend.streams.observe.state import StreamInspector
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.rooms.links import RoomLinks
from backend.streams.rooms.rooms import RedisRooms
from backend.streams.session.fanout import Fanout
from backend.streams.session.outbox import Outbox
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Sessions
from gateway.access.admission import Admission
from gateway.access.auth import Auth
from gateway.access.jwt import JwtVerifier
from gateway.access.opening import OpeningTurns
from gateway.access.pending import PendingConnections
from gateway.access.quota import QuotaSlots
from gateway.access.registry import SessionRegistry
from gateway.audio.silero import Silero
from gateway.audio.vad_batcher import VadBatcher
from gateway.calls.webhooks import Webhooks
from gateway.http.turns import Turns
from gateway.rooms.access_watch import AccessWatch
from gateway.rooms.feeds import RoomFeeds
from gateway.rooms.tasks import RoomTasks
from gateway.session.segmenter import Rules
from gateway.session.timers import TimerLimits
from gateway.session.utterance import SessionPolicy
from gateway.settings import GatewaySettings

# A hostile client can make a gateway allocate hundreds of megabytes. Ten seconds after it has left, they are returned.
TRIM_EVERY_S = 5.0
# Read once: it takes milliseconds.
_VERSION = version("nova-voice")


@dataclass(frozen=True, slots=True)
class GatewayServices:
    """Shared objects of one gateway process."""

    settings: GatewaySettings
    name: str
    redis: Redis
    streams: JobStreams
    sessions: Sessions
    fanout: Fanout
    # Delivers messages to the listeners of `fanout` until cancelled.
    deliver_forever: Callable[[], Coroutine[Any, Any, None]]
    vad_batcher: VadBatcher
    registry: SessionRegistry
    admission: Admission
    auth: Auth
    client_secrets: ClientSecrets
    voices: VoiceProfiles
    quota_slots: QuotaSlots
    pending: PendingConnections
    inspector: StreamInspector
    silence: RedisSilence
    webhooks: Webhooks
    rooms: RedisRooms
    room_links: RoomLinks
    room_tasks: RoomTasks
    feeds: RoomFeeds
    turns: Turns = field(default_factory=Turns)
    opening: OpeningTurns = field(default_factory=OpeningTurns)
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def create(cls, settings: GatewaySettings) -> Self:
        """Create all services without connecting to Redis. Raises SetupError and ModelError."""
        redis, name, registry = connect(settings), process_name(), SessionRegistry()
        streams, fanout, keys = RedisJobStreams(redis, settings), RedisFanout(redis, name), ApiKeys(redis)
        secrets, rooms, room_tasks = ClientSecrets(redis), RedisRooms(redis, settings), RoomTasks()
        links, auth = RoomLinks(redis, rooms), Auth(settings, keys, JwtVerifier.from_settings(settings), secrets)
        watch = AccessWatch(rooms, links, auth.is_revoked)
        feeds = RoomFeeds(rooms, watch, fanout, room_tasks, settings.max_readers, lambda: registry.draining)
        return cls(
            settings=settings,
            name=name,
            redis=redis,
            streams=streams,
            sessions=RedisSessions(redis, settings, name),
            fanout=fanout,
            deliver_forever=fanout.deliver_forever,
            vad_batcher=VadBatcher(Silero()),
            registry=registry,
            admission=Admission(settings, streams, registry, name),
            auth=auth,
            client_secrets=secrets,
            voices=VoiceProfiles(redis, settings.max_voices),
            quota_slots=QuotaSlots(Quota(redis), keys, registry),
            pending=PendingConnections(settings.max_pending, settings.max_pending_per_address),
            inspector=StreamInspector(redis, streams.shards),
            silence=RedisSilence(redis, streams.shards),
            webhooks=Webhooks(settings, Outbox(redis), SYSTEM_CLOCK.wall),
            rooms=rooms,
            room_links=links,
            room_tasks=room_tasks,
            feeds=feeds,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the background tasks while the context is active, then close the connections to Redis."""
        async with asyncio.TaskGroup() as group:
            heartbeats = publish_heartbeats(self.redis, WORKERS, worker_key("gateway", self.name), self.heartbeat)
            tasks = [
                group.create_task(self.deliver_forever()),
                group.create_task(self.admission.measure_load_forever()),
                group.create_task(self.quota_slots.renew_forever()),
                group.create_task(self.silence.watch_forever()),
                group.create_task(self.room_tasks.run_forever()),
                group.create_task(trim_memory_periodically(TRIM_EVERY_S)),
                group.create_task(heartbeats),
            ]
            if self.webhooks.is_enabled:
                tasks.append(group.create_task(self.webhooks.deliver_forever()))
            yield
            for task in tasks:
                task.cancel()
        await self.redis.aclose()

    def heartbeat(self) -> dict[str, object]:
        """The gateway's entry in the register of processes."""
        return {
            "kind": "gateway",
            "name": self.name,
            "version": _VERSION,
            "sessions": len(self.registry),
            "protocols": self.registry.protocols(),
            "recordings": self.registry.recordings,
            "speech": round(self.registry.speech_share(), 2),
            "draining": self.registry.draining,
        }

    def session_policy(self) -> SessionPolicy:
        """The settings of the session core."""
        chosen = self.settings
        return SessionPolicy(
            rules=Rules(pre_roll_ms=chosen.pre_roll_ms, pause_ms=chosen.early_final_ms, max_ms=chosen.max_utterance_ms),
            preview_every_ms=chosen.preview_every_ms,
            preview_first_ms=chosen.preview_first_ms,
            preview_overdue_s=chosen.preview_overdue_ms / 1000,
        )

    def timer_limits(self) -> TimerLimits:
        """The settings of a session's timers."""
        chosen = self.settings
        return TimerLimits(
            stop_wait_s=chosen.stop_wait_s,
            max_session_s=chosen.max_session_s,
            drain_s=chosen.drain_s,
            session_ttl_s=chosen.session_ttl_s,
        )
