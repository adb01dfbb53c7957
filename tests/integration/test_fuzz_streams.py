"""Invalid entries in all streams of a real Redis: valid jobs succeed, and sessions receive only their own text."""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from backend.errors import EntryError
from backend.messages.jobs import AudioJob, JobKind, encode_entry
from backend.messages.protocol import MAX_POSITION, Error, Final, Resume, Start, Translation
from backend.messages.session_record import SessionRecord
from backend.service.settings import ServiceSettings, WorkerSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, JobStream
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP
from backend.streams.redis.connection import retry_until_available
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.log import read_log
from backend.streams.session.redis_sessions import RedisSessions
from backend.streams.session.sessions import Lease, UnknownSessionError
from backend.streams.worker.consumer import Consumer
from backend.streams.worker.redis_source import redis_consumer
from stt_worker.recognizers.null import NullRecognizer, transcript
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import final, job
from tests.testkit.streams.on_redis import eventually, logged
from translation_worker.settings import TranslationSettings
from translation_worker.worker import TranslationWorker

SEED = int(os.environ.get("NOVA_FUZZ_SEED", "0"))
# Sessions with valid jobs, and utterances of each.
HONEST = 4
UTTERANCES = 12
# Invalid entries in each stream per utterance.
GARBAGE = 40
HUGE = 2 << 20

Fields = dict[Any, Any]
"""Bytes to bytes. The Redis client requires the invariant type."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Creates invalid entries for a stream."""

    dice: random.Random
    kind: JobKind
    names: Sequence[str]
    """Names of the sessions with valid jobs. Entries that name them use utterances that do not exist."""

    def entry(self) -> Fields:
        """Return a random entry."""
        make: Callable[[], Fields] = self.dice.choice([self._noise, self._wide, self._long, self._broken, self._job])
        return make()

    def _noise(self) -> Fields:
        return {self._bytes(6): self._bytes(40) for _ in range(self.dice.randint(1, 5))}

    def _wide(self) -> Fields:
        """Return an entry with more fields than Lua can unpack."""
        return {b"%d" % number: b"" for number in range(self.dice.choice([100, 600, 5_000]))}

    def _long(self) -> Fields:
        return {b"h": self._header() if self.dice.random() < 0.5 else b"{" * HUGE, b"p": b"\1" * (HUGE + 1)}

    def _broken(self) -> Fields:
        header = bytearray(self._header())
        for _ in range(self.dice.randint(1, 4)):
            header[self.dice.randrange(len(header))] = self.dice.randrange(256)
        return {b"h": bytes(header), b"p": self._audio()}

    def _job(self) -> Fields:
        """Return a readable job of an utterance that does not exist."""
        return {b"h": self._header(), b"p": self._audio()}

    def _header(self) -> bytes:
        dice = self.dice
        stranger = f"stranger-{dice.randrange(3)}"
        # A job that names an existing utterance would count as its result, so these numbers do not exist.
        number = dice.choice([0, -1, 999, 10**30, MAX_POSITION])
        header: dict[str, Any] = {
            "kind": self.kind if dice.random() < 0.8 else dice.choice(["final", "preview"]),
            "session": dice.choice([*self.names, stranger]),
            "utterance": number,
            "attempt": dice.choice([77, -1]),
            "correlation_id": "",
            "sent_at": dice.choice([0.0, -1e308, 1e308, time.time()]),
            "text": "foreign words",
            "start_ms": dice.choice([0, -5, 10**30]),
            "end_ms": dice.choice([0, -50, 900]),
            "language": "en",
            "translate_to": dice.choice([[], ["en"], ["xx", "en"], ["", "\0"]]),
            "committed": "foreign words",
            "finals": dice.choice(["revise", "stable"]),
            "words": dice.random() < 0.5,
        }
        if dice.random() < 0.3:
            header[dice.choice(list(header))] = dice.choice([None, [], {}, "\0", -1, 1e400, "x" * 10_000])
            header["session"] = stranger
        return json.dumps(header).encode()

    def _audio(self) -> bytes:
        return self._bytes(self.dice.choice([0, 1, 2, 3, 640, 641, 64_000]))

    def _bytes(self, most: int) -> bytes:
        return self.dice.randbytes(self.dice.randint(0, most))


def unreadable(lane: JobStream[Any], kind: JobKind, fields: Fields) -> bool:
    try:
        job, _ = lane.decode(fields)
    except EntryError:
        return True
    return bool(job.kind != kind)


def spoken(session: int, utterance: int) -> bytes:
    """At least half a second of audio that is unique to the utterance."""
    return random.Random(f"{session} {utterance}").randbytes(2 * (8_000 + 10 * utterance))


def spoken_job(session: str, utterance: int) -> AudioJob:
    start_ms = 600 * utterance
    times = {"start_ms": start_ms, "end_ms": start_ms + 500}
    return job(utterance, session=session, correlation_id=session, language="en", translate_to=("en",), **times)


@pytest.fixture
def streams(redis: Redis) -> RedisJobStreams:
    """Streams that keep all dead letters, because the test counts them."""
    return RedisJobStreams(redis, ServiceSettings(dead_cap=100_000))


async def speak(leases: Mapping[str, Lease], utterance: int) -> None:
    for number, (session, lease) in enumerate(leases.items()):
        await lease.submit_audio(spoken_job(session, utterance), spoken(number, utterance), early=False)


async def litter(streams: RedisJobStreams, names: Sequence[str], dice: random.Random) -> dict[str, int]:
    """Add invalid entries to all four streams. Return the number of unreadable finals by group."""
    shard, hopeless = streams.shard("any"), {STT_GROUP: 0, TRANSLATION_GROUP: 0}
    places: list[tuple[JobStream[Any], JobKind, str]] = [
        (AUDIO, "final", shard.audio("final")),
        (AUDIO, "preview", shard.audio("preview")),
        (TRANSCRIPTS, "final", shard.transcripts("final")),
        (TRANSCRIPTS, "preview", shard.transcripts("preview")),
    ]
    for lane, kind, stream in places:
        # Every readable transcript is translated for its session, so these name other sessions.
        bin_ = Bin(dice, kind, names if lane is AUDIO else ("stranger",))
        for _ in range(GARBAGE):
            fields = bin_.entry()
            await streams.redis.xadd(stream, fields, maxlen=None if kind == "final" else 1_000)
            hopeless[lane.group] += kind == "final" and unreadable(lane, kind, fields)
    return hopeless


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_valid_jobs_succeed_among_garbage_and_every_unreadable_entry_becomes_a_dead_letter(
    streams: RedisJobStreams,
) -> None:
    dice = random.Random(SEED)
    # All workers share one event loop. While it is busy with invalid entries, claims on valid ones may expire, so a
    # valid entry needs more than one attempt on a slow machine.
    settings = WorkerSettings(claim_after_ms=500, max_attempts=5)
    hear = SttWorker(NullRecognizer(), SttSettings()).handle
    translate = TranslationWorker([], TranslationSettings()).handle
    consumers: list[Consumer[Any]] = [
        redis_consumer(streams, AUDIO, "stt-1", settings, hear),
        redis_consumer(streams, AUDIO, "stt-2", settings, hear),
        redis_consumer(streams, TRANSCRIPTS, "translation-1", settings, translate),
    ]
    sessions = RedisSessions(streams.redis, ServiceSettings(), "gateway")
    names = [f"honest-{number}" for number in range(HONEST)]
    leases = {name: await sessions.open(name, "secret", SessionRecord(Start(language="en"), name)) for name in names}
    hopeless = {STT_GROUP: 0, TRANSLATION_GROUP: 0}
    stop = asyncio.Event()
    with capture_logs():  # every failure is logged with its traceback
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(consumer.consume_until(stop)) for consumer in consumers]
            for utterance in range(1, UTTERANCES + 1):
                await speak(leases, utterance)
                for group, count in (await litter(streams, names, dice)).items():
                    hopeless[group] += count
            # Takes a few seconds on an idle machine, and much longer on a busy one.
            await eventually(lambda: retry_until_available(lambda: all_done(streams, names)), 240)
            assert not any(task.done() for task in running), "a worker has ended"
            stop.set()
    assert min(hopeless.values()) > UTTERANCES * GARBAGE / 4, "hardly any garbage: the test shows nothing"
    for group, count in hopeless.items():
        reasons = await letters(streams, group)
        assert reasons.count("undecodable_entry") == count
        assert all(reasons)
    for number, name in enumerate(names):
        await says_its_own_words_and_no_others(streams, name, number)


async def all_done(streams: RedisJobStreams, names: Sequence[str]) -> bool:
    shard = streams.shard("any")
    keys = (shard.audio("final"), shard.audio("preview"), shard.transcripts("final"), shard.transcripts("preview"))
    left = sum([await streams.redis.xlen(key) for key in keys])
    said = [len(await logged(streams, name)) for name in names]
    return left == 0 and min(said) >= 2 * UTTERANCES


async def letters(streams: RedisJobStreams, group: str) -> list[str]:
    """The reason of each dead letter. Read in pages, because one large answer can exceed the socket timeout."""
    key, after, reasons = streams.shard("any").dead(group), "-", list[str]()
    while page := cast("list[tuple[bytes, Fields]]", await streams.redis.xrange(key, after, count=200)):
        reasons += [fields[b"reason"].decode() for _, fields in page]
        after = f"({page[-1][0].decode()}"
    return reasons


async def says_its_own_words_and_no_others(streams: RedisJobStreams, name: str, number: int) -> None:
    events = [live.event async for live in read_log(streams.redis, streams.shard(name), name, "0-0")]
    wanted = {utterance: transcript(spoken(number, utterance)) for utterance in range(1, UTTERANCES + 1)}
    finals = [event for event in events if isinstance(event, Final)]
    assert [final.utterance for final in finals] == list(wanted)
    assert {final.utterance: final.text for final in finals} == wanted
    translations = {event.utterance: event.text for event in events if isinstance(event, Translation)}
    assert translations == wanted
    assert len(events) == 2 * UTTERANCES
    assert not any(isinstance(event, Error) for event in events)


async def test_a_preview_in_the_stream_of_finals_is_rejected(streams: RedisJobStreams) -> None:
    """Its result would have no durable event, and the commit of its batch would fail."""
    sessions = RedisSessions(streams.redis, ServiceSettings(), "gateway")
    lease = await sessions.open("s", "secret", SessionRecord(Start(), "s"))
    guess = spoken_job("s", 1).model_copy(update={"kind": "preview"})
    await streams.redis.xadd(streams.shard("s").audio("final"), encode_entry(guess, spoken(0, 1)))
    await lease.submit_audio(spoken_job("s", 1), spoken(0, 1), early=False)
    stop = asyncio.Event()
    worker = SttWorker(NullRecognizer(), SttSettings())
    consumer = redis_consumer(streams, AUDIO, "w", WorkerSettings(), worker.handle)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.consume_until(stop))

        async def there() -> bool:
            return len(await logged(streams)) == 1

        await eventually(there)
        stop.set()
    (final,) = await logged(streams)
    assert final.text == transcript(spoken(0, 1))
    assert await letters(streams, STT_GROUP) == ["undecodable_entry"]


# --- what gateways read


async def test_unreadable_events_in_a_log_are_skipped(streams: RedisJobStreams) -> None:
    log = streams.shard("s").log("s")
    for fields in ({"x": b"?"}, {"e": b"\xff{"}, {"e": final(1, "a").model_dump_json()}, {"e": b"{}"}):
        await streams.redis.xadd(log, fields)  # type: ignore[arg-type]
    assert [found.text for found in await logged(streams)] == ["a"]


@pytest.mark.parametrize("field", ["start", "count", "audio", "closed:x", "translating:1"])
async def test_a_damaged_session_is_unknown(streams: RedisJobStreams, field: str) -> None:
    sessions = RedisSessions(streams.redis, ServiceSettings(), "gateway")
    await sessions.open("s", "secret", SessionRecord(Start(), "c"))
    await streams.redis.hset(streams.shard("s").session("s"), field, "7e")
    with pytest.raises(UnknownSessionError):
        await sessions.resume(Resume(session="s", token="secret"))


async def test_a_resume_with_a_huge_utterance_number_does_not_block_redis(streams: RedisJobStreams) -> None:
    sessions = RedisSessions(streams.redis, ServiceSettings(), "gateway")
    lease = await sessions.open("s", "secret", SessionRecord(Start(), "c"))
    await lease.submit_audio(spoken_job("s", 1), spoken(0, 1), early=False)
    async with asyncio.timeout(20):
        _, record = await sessions.resume(Resume(session="s", token="secret", utterance=MAX_POSITION))
    assert (record.next, record.closed) == (MAX_POSITION + 1, frozenset())
