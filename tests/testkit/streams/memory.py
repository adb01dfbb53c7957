"""The streams in memory. They pass the same contract tests as Redis (tests/contract/test_streams.py).

They implement the interfaces of backend/streams, not the commands of Redis.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic

from backend.messages.jobs import (
    AudioJob,
    ChannelMessage,
    Job,
    StreamKind,
    Transcript,
    decode_channel_message,
    encode_entry,
)
from backend.messages.protocol import Message, Resume, to_json
from backend.messages.session_record import SessionRecord
from backend.service.clock import SYSTEM_CLOCK, Clock
from backend.service.settings import WorkerSettings
from backend.streams.job_streams import CommitResult, Entry, Failure, J, JobStream, Outcome, dead_letter_error
from backend.streams.names import DURABLE_STREAMS, STREAM_KINDS, Shard, all_shards, shard_of
from backend.streams.session.fanout import Listener
from backend.streams.session.sessions import SessionLostError, TakenOverError, UnknownSessionError
from backend.streams.worker.policy import CLAIM_CHECKS_PER_TIMEOUT
from backend.streams.worker.source import IDLE_S, Claimed, RawEntry

BLOCK_S = 1.0


@dataclass
class _Pending:
    consumer: str
    since: float
    deliveries: int = 1
    kept: bool = False


@dataclass
class MemoryStream:
    """A stream, and its one consumer group."""

    entries: dict[str, Mapping[bytes, bytes]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    pending: dict[str, _Pending] = field(default_factory=dict)
    consumers: dict[str, float] = field(default_factory=dict)

    def remove(self, entry_id: str) -> None:
        self.entries.pop(entry_id, None)
        if entry_id in self.unread:
            self.unread.remove(entry_id)


@dataclass
class _Session:
    token: str = ""
    epoch: int = -1
    record: SessionRecord | None = None
    next: int = 1
    caller: str = ""
    open: tuple[int, int] | None = None
    closed: dict[int, int] = field(default_factory=dict)
    events: dict[tuple[int, int], str] = field(default_factory=dict)
    transcripts: dict[tuple[int, int], Transcript] = field(default_factory=dict)
    translating: dict[int, tuple[str, ...]] = field(default_factory=dict)
    translated: set[int] = field(default_factory=set)


class MemoryStreams:
    """Implements `JobStreams`, and is the store of all other classes here."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, shards: int = 1) -> None:
        self.clock = clock
        self.shards = all_shards(shards)
        self.is_available = True
        self.sessions: dict[str, _Session] = {}
        self.logs: dict[str, list[ChannelMessage]] = {}
        self.listeners: dict[str, set[Listener]] = {}
        self._streams: dict[str, MemoryStream] = {}
        self._added = asyncio.Event()
        self._last_id = (0, 0)

    # --- for tests

    def stream(self, name: str) -> MemoryStream:
        return self._streams.setdefault(name, MemoryStream())

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Every call fails meanwhile, as when Redis is down."""
        self.is_available = False
        try:
            yield
        finally:
            self.is_available = True

    def lose_everything(self) -> None:
        """As when Redis restarts without persistence."""
        for store in (self.sessions, self.logs, self._streams):
            store.clear()

    def add(self, stream: str, fields: Mapping[bytes, bytes]) -> str:
        entry_id = self._next_id()
        self.stream(stream).entries[entry_id] = fields
        self.stream(stream).unread.append(entry_id)
        self._added.set()
        return entry_id

    # --- JobStreams

    def shard(self, session: str) -> Shard:
        return shard_of(session, len(self.shards))

    async def submit_preview(self, job: AudioJob, pcm: bytes) -> None:
        self.check_available()
        self.add(self.shard(job.session).audio("preview"), encode_entry(job, pcm))

    async def commit_final(self, entry: Entry[AudioJob], outcome: Outcome) -> CommitResult:
        job, event = entry.job, to_json(outcome.durable[0])
        if not self._acknowledge(entry.shard.audio(job.stream_kind), entry.id):
            return "already_acknowledged"
        if job.replayed:
            self._log(job.session, event)
            self._submit_transcript(job.session, job.utterance, outcome.transcript)
            return "committed"
        if self._is_superseded(job):
            return "superseded"
        session = self._session(job.session)
        session.events[job.utterance, job.attempt] = event
        if outcome.transcript:
            session.transcripts[job.utterance, job.attempt] = outcome.transcript
        if job.utterance not in session.closed and outcome.live:
            self.publish(job.session, f"- {to_json(outcome.live[0])}")
        self._release(job.session)
        return "committed"

    async def commit_translations(self, entry: Entry[Transcript], outcome: Outcome) -> CommitResult:
        if not self._acknowledge(entry.shard.transcripts(entry.job.stream_kind), entry.id):
            return "already_acknowledged"
        self._log_translations(entry.job, [to_json(event) for event in outcome.durable])
        return "committed"

    async def dead_letter(
        self, shard: Shard, group: str, entry_id: str, job: Job | None, failure: Failure, kind: StreamKind = "final"
    ) -> CommitResult:
        stream, error = self.stream(shard.jobs(group, kind)), dead_letter_error(group, job, failure)
        fields = stream.entries.get(entry_id, {})
        if not self._acknowledge(shard.jobs(group, kind), entry_id):
            return "already_acknowledged"
        if error and isinstance(job, AudioJob) and self._is_superseded(job):
            return "superseded"
        pairs = [part.encode() for part in failure.pairs()]
        self.add(shard.dead(group), {**fields, **dict(zip(pairs[::2], pairs[1::2], strict=True))})
        if error and isinstance(job, AudioJob):
            self._session(job.session).events[job.utterance, job.attempt] = to_json(error)
            self._release(job.session)
        elif error and job:
            self._log_translations(job, [to_json(error)])
        return "committed"

    async def publish_previews(
        self, session: str, events: Sequence[Message], transcript: Transcript | None = None
    ) -> None:
        self.check_available()
        for event in events:
            self.publish(session, f"- {to_json(event)}")
        if transcript:
            self.add(self.shard(session).transcripts("preview"), encode_entry(transcript))

    # --- shared with the other classes

    def check_available(self) -> None:
        if not self.is_available:
            raise ConnectionRefusedError("the store is down")

    async def wait_for_entry(self, timeout_s: float) -> None:
        self._added.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._added.wait()
        except TimeoutError:
            return

    def publish(self, session: str, message: str) -> None:
        for listener in self.listeners.get(self.shard(session).events(session), ()):
            listener.offer(decode_channel_message(message.encode()))

    def submit_transcript(self, transcript: Transcript) -> None:
        self._submit_transcript(transcript.session, transcript.utterance, transcript)

    def skip_settled(self, name: str, settled: int) -> None:
        session = self._session(name)
        session.closed = {n: attempt for n, attempt in session.closed.items() if n > settled}
        session.events = {key: event for key, event in session.events.items() if key[0] > settled}
        session.next = max(session.next, settled + 1)
        self._release(name)

    def _session(self, name: str) -> _Session:
        return self.sessions.setdefault(name, _Session())

    def _next_id(self) -> str:
        now_ms = int(1000 * self.clock.wall())
        last_ms, count = self._last_id
        self._last_id = (now_ms, 0) if now_ms > last_ms else (last_ms, count + 1)
        return f"{self._last_id[0]}-{self._last_id[1]}"

    def _acknowledge(self, stream: str, entry_id: str) -> bool:
        self.check_available()
        if self.stream(stream).pending.pop(entry_id, None) is None:
            return False
        self.stream(stream).remove(entry_id)
        return True

    def _is_superseded(self, job: AudioJob) -> bool:
        session = self._session(job.session)
        if job.utterance in session.closed:
            return session.closed[job.utterance] != job.attempt
        return session.open != (job.utterance, job.attempt)

    def _release(self, name: str) -> None:
        session = self._session(name)
        while (key := (session.next, session.closed.get(session.next, 0))) in session.events:
            self._log(name, session.events.pop(key))
            self._submit_transcript(name, session.next, session.transcripts.pop(key, None))
            del session.closed[session.next]
            session.next += 1

    def _log(self, session: str, event: str) -> None:
        message = f"{self._next_id()} {event}"
        self.logs.setdefault(session, []).append(decode_channel_message(message.encode()))
        self.publish(session, message)

    def _submit_transcript(self, session: str, utterance: int, transcript: Transcript | None) -> None:
        if transcript:
            self.add(self.shard(session).transcripts(transcript.stream_kind), encode_entry(transcript))
            self._session(session).translating[utterance] = transcript.translate_to

    def _log_translations(self, job: Job, events: Sequence[str]) -> None:
        for event in events:
            self._log(job.session, event)
        session = self._session(job.session)
        session.translating.pop(job.utterance, None)
        session.translated.add(job.utterance)


class MemorySessions:
    """Implements `Sessions`."""

    def __init__(self, streams: MemoryStreams) -> None:
        self._streams = streams

    async def open(self, session: str, token: str, record: SessionRecord, *, caller: str = "") -> "MemoryLease":
        self._streams.check_available()
        self._streams.sessions[session] = _Session(token, 0, record, record.next, caller)
        return MemoryLease(self._streams, session, token, epoch=0)

    async def resume(self, message: Resume, *, caller: str = "") -> tuple["MemoryLease", SessionRecord]:
        self._streams.check_available()
        session = self._streams.sessions.get(message.session)
        if session is None or (session.token, session.caller) != (message.token, caller):
            raise UnknownSessionError("unknown session")
        session.epoch += 1
        if session.open:
            session.events.pop(session.open, None)
            session.open = None
        self._streams.publish(message.session, f"! {session.epoch}")
        self._streams.skip_settled(message.session, message.utterance)
        lease = MemoryLease(self._streams, message.session, message.token, session.epoch)
        return lease, lease.known()

    async def read_log(self, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
        self._streams.check_available()
        for message in tuple(self._streams.logs.get(session, ())):
            if _order(message.cursor or "0-0") > _order(cursor):
                yield message


class MemoryLease:
    """Implements `Lease`."""

    def __init__(self, streams: MemoryStreams, session: str, token: str, epoch: int) -> None:
        self._streams, self._name, self._token, self.epoch = streams, session, token, epoch

    async def update(self, record: SessionRecord) -> None:
        self._held().record = record

    async def submit_audio(self, job: AudioJob, pcm: bytes, *, early: bool) -> str:
        session = self._held()
        if early:
            session.open = (job.utterance, job.attempt)
        else:
            self._close(session, job.utterance, job.attempt, job.end_ms)
        return self._streams.add(self._streams.shard(self._name).audio(job.stream_kind), encode_entry(job, pcm))

    async def close_utterance(self, utterance: int, attempt: int, end_ms: int, entry_id: str) -> None:
        session = self._held()
        stream = self._streams.stream(self._streams.shard(self._name).audio("final"))
        if (utterance, attempt) not in session.events and entry_id not in stream.entries:
            raise SessionLostError("the entry is lost")
        self._close(session, utterance, attempt, end_ms)
        self._streams.skip_settled(self._name, 0)

    async def withdraw_early_final(self, utterance: int, attempt: int, entry_id: str) -> None:
        session = self._held()
        self._streams.stream(self._streams.shard(self._name).audio("final")).remove(entry_id)
        session.open = None
        session.events.pop((utterance, attempt), None)

    async def resubmit_transcript(self, transcript: Transcript) -> None:
        self._held()
        self._streams.submit_transcript(transcript)

    async def restore(self, record: SessionRecord) -> SessionRecord:
        self._streams.check_available()
        session = self._streams.sessions.setdefault(self._name, _Session())
        if session.epoch > self.epoch:
            raise TakenOverError
        session.token, session.epoch = self._token, self.epoch
        # `count` and `audio_ms` of an existing session match its jobs, so they are kept.
        before = session.record or record
        session.record = SessionRecord(
            record.start, record.correlation_id, count=before.count, audio_ms=before.audio_ms
        )
        self._streams.skip_settled(self._name, record.next - 1)
        return self.known()

    def known(self) -> SessionRecord:
        session = self._streams.sessions[self._name]
        assert session.record is not None
        return SessionRecord(
            session.record.start,
            session.record.correlation_id,
            session.epoch,
            session.next,
            session.record.count,
            session.record.audio_ms,
            "{}:{}".format(*session.open) if session.open else "",
            frozenset(session.closed),
            dict(session.translating),
            frozenset(session.translated),
        )

    def _held(self) -> _Session:
        self._streams.check_available()
        session = self._streams.sessions.get(self._name)
        if session is None or session.epoch < self.epoch:
            raise SessionLostError("the session is lost")
        if session.epoch > self.epoch:
            raise TakenOverError
        return session

    def _close(self, session: _Session, utterance: int, attempt: int, end_ms: int) -> None:
        assert session.record is not None
        session.closed[utterance], session.open = attempt, None
        start, correlation_id = session.record.start, session.record.correlation_id
        session.record = SessionRecord(start, correlation_id, count=utterance, audio_ms=end_ms)


class MemoryFanout:
    """Implements `Fanout`."""

    def __init__(self, streams: MemoryStreams) -> None:
        self._streams = streams

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Listener]:
        listener = Listener()
        listeners = self._streams.listeners.setdefault(channel, set())
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)


class MemoryEntrySource(AsyncExitStack, Generic[J]):
    """Implements `EntrySource`."""

    def __init__(self, streams: MemoryStreams, job_stream: JobStream[J], name: str, settings: WorkerSettings) -> None:
        super().__init__()
        self.job_stream, self.name = job_stream, name
        self._store, self._claim_after_s = streams, settings.claim_after_ms / 1000
        self._reads: list[RawEntry] = []

    async def read(
        self, max_finals: int, *, wait: bool, recording: bool = False, at_most_s: float = math.inf
    ) -> list[RawEntry]:
        self._store.check_available()
        if not (found := self._read_live(max_finals)) and wait:
            if recording and (recordings := await self.read_recordings(1)):
                return recordings
            await self._store.wait_for_entry(min(BLOCK_S, at_most_s))
            self._store.check_available()
            found = self._read_live(max_finals) or (await self.read_recordings(1) if recording else [])
        return found

    async def read_recordings(self, count: int) -> list[RawEntry]:
        self._store.check_available()
        shards = range(len(self._store.shards))
        return next((found for number in shards if (found := self._read_once("recording", count, number))), [])

    async def finish_reads(self) -> list[RawEntry]:
        return []

    async def claim_stale_entry(self, kind: StreamKind) -> Claimed | None:
        self._store.check_available()
        now = self._store.clock.monotonic()
        for shard, stream in self._streams(kind):
            for entry_id, pending in stream.pending.items():
                if not pending.kept and now - pending.since >= self._claim_after_s and entry_id in stream.entries:
                    pending.consumer, pending.since = self.name, now
                    pending.deliveries += 1
                    stream.consumers[self.name] = now
                    raw = RawEntry(shard, kind, entry_id, stream.entries[entry_id])
                    return Claimed(raw, pending.deliveries)
        return None

    @asynccontextmanager
    async def keep_claims(self, entries: Sequence[Entry[J]]) -> AsyncIterator[None]:
        names = [(entry.shard.jobs(self.job_stream.group, entry.job.stream_kind), entry.id) for entry in entries]
        kept = [self._store.stream(stream).pending.get(entry_id) for stream, entry_id in names]
        began, every_s = self._store.clock.monotonic(), self._claim_after_s / CLAIM_CHECKS_PER_TIMEOUT
        for pending in filter(None, kept):
            pending.kept = True
        try:
            yield
        finally:
            # As in Redis, a context that exits before the first renewal leaves the claims as old as they were.
            renewals = int((self._store.clock.monotonic() - began) / every_s)
            for pending in filter(None, kept):
                pending.kept = False
                if renewals:
                    pending.since = began + renewals * every_s

    async def hand_back(self) -> int:
        self._store.check_available()
        durable = (stream for kind in DURABLE_STREAMS for _, stream in self._streams(kind))
        own = [one for stream in durable for one in stream.pending.values()]
        own = [pending for pending in own if pending.consumer == self.name]
        for pending in own:
            pending.since = self._store.clock.monotonic() - self._claim_after_s
        return len(own)

    async def delete_idle_consumers(self, idle_s: float = IDLE_S) -> int:
        now = self._store.clock.monotonic()
        return self._delete_consumers(lambda name, seen: now - seen >= idle_s)

    async def leave(self) -> None:
        self._store.check_available()
        self._delete_consumers(lambda name, seen: name == self.name)

    def _streams(self, kind: StreamKind) -> list[tuple[Shard, MemoryStream]]:
        return [(shard, self._store.stream(shard.jobs(self.job_stream.group, kind))) for shard in self._store.shards]

    def _read_live(self, max_finals: int) -> list[RawEntry]:
        return [*self._read_once("final", max_finals), *self._read_once("preview", None)]

    def _read_once(self, kind: StreamKind, count: int | None, number: int | None = None) -> list[RawEntry]:
        """`number` is that of the only shard to read."""
        now = self._store.clock.monotonic()
        found: list[RawEntry] = []
        for shard, stream in self._streams(kind) if number is None else [self._streams(kind)[number]]:
            stream.consumers[self.name] = now
            ids = stream.unread[:count]
            del stream.unread[:count]
            found += [RawEntry(shard, kind, entry_id, stream.entries[entry_id]) for entry_id in ids]
            for entry_id in ids:
                if kind == "preview":
                    stream.remove(entry_id)
                else:
                    stream.pending[entry_id] = _Pending(self.name, now)
        return found

    def _delete_consumers(self, is_selected: Any) -> int:
        deleted = 0
        for kind in STREAM_KINDS:
            for _, stream in self._streams(kind):
                holders = {pending.consumer for pending in stream.pending.values()}
                for name, seen in list(stream.consumers.items()):
                    if is_selected(name, seen) and name not in holders:
                        del stream.consumers[name]
                        deleted += 1
        return deleted


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, _, count = cursor.partition("-")
    return int(milliseconds), int(count)
