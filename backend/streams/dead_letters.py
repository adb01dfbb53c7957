"""The operator's side of dead letters: list, replay, drop. Workers write them in commit.lua."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import EntryError
from backend.messages.jobs import BYTES_PER_SECOND, AudioJob, StreamKind, Transcript
from backend.messages.protocol import Error, Final
from backend.service.settings import ServiceSettings
from backend.streams.job_streams import AUDIO, FAILURE_FIELDS, TRANSCRIPTS, Failure, JobStream
from backend.streams.names import Shard, all_shards
from backend.streams.observe.heartbeats import reads_recordings
from backend.streams.observe.load_report import read_heartbeats
from backend.streams.scripts import load_script
from backend.streams.session.log import read_log

StreamName = Literal["audio", "transcript"]
ReplayResult = Literal["replayed", "gone", "unreadable", "answered"]

# Dead letters per script call. Each may hold a megabyte, so two take about 1 ms, and Redis runs no other command
# meanwhile.
PAGE = 2

_JOB_STREAMS: Mapping[StreamName, JobStream[Any]] = {"audio": AUDIO, "transcript": TRANSCRIPTS}


@dataclass(frozen=True, slots=True)
class DeadLetterId:
    """Identifies a dead letter. As text: `a0-1700000000000-0`, which is stream, shard, and the id in that stream."""

    stream_name: StreamName
    shard: Shard
    entry: str

    def __str__(self) -> str:
        return f"{self.stream_name[0]}{self.shard.number}-{self.entry}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`. Raises ValueError."""
        match = re.fullmatch(r"([at])(\d{1,4})-(\d{1,20}-\d{1,20})", text)
        if not match:
            raise ValueError(f"{text!r} is not the id of a dead letter; an id looks like a0-1700000000000-0")
        return cls("audio" if match[1] == "a" else "transcript", Shard(int(match[2])), match[3])

    @property
    def key(self) -> str:
        """The stream of dead letters in Redis."""
        return self.shard.dead(_JOB_STREAMS[self.stream_name].group)

    @property
    def time_ms(self) -> int:
        """Unix time when the dead letter was written, by Redis's clock."""
        return int(self.entry.partition("-")[0])


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter without its audio."""

    id: DeadLetterId
    # As stored, except that `p` holds the number of bytes of audio.
    fields: Mapping[bytes, bytes]
    # The decoded job, or None if it cannot be read.
    job: AudioJob | Transcript | None
    # Why it cannot be read.
    problem: str = ""

    @property
    def failure(self) -> Failure:
        return Failure.read(self.fields)

    @property
    def entry(self) -> dict[bytes, bytes]:
        """The fields of the original entry; `p` holds the number of bytes of audio."""
        return {name: value for name, value in self.fields.items() if name not in FAILURE_FIELDS}

    @property
    def audio_bytes(self) -> int:
        return int(self.fields.get(b"p", b"0"))

    @property
    def audio_s(self) -> float:
        return self.audio_bytes / BYTES_PER_SECOND


class DeadLetters:
    """The dead letters of all shards."""

    def __init__(self, redis: Redis, settings: ServiceSettings) -> None:
        self._redis = redis
        self.shards = all_shards(settings.shards)
        self._list: AsyncScript = redis.register_script(load_script("list_dead_letters"))
        self._replay: AsyncScript = redis.register_script(load_script("replay_dead_letter"))

    async def scan(self, stream_name: StreamName | None = None) -> AsyncIterator[DeadLetter]:
        """Yield all dead letters of one stream or of both; within each shard, the oldest first."""
        for name in (stream_name,) if stream_name else _JOB_STREAMS:
            for shard in self.shards:
                first = "-"
                while page := await self._page(DeadLetterId(name, shard, ""), first, "+"):
                    for dead_letter in page:
                        yield dead_letter
                    first = f"({page[-1].id.entry}"

    async def find(self, id: DeadLetterId) -> DeadLetter | None:
        page = await self._page(id, id.entry, id.entry)
        return page[0] if page else None

    async def audio(self, id: DeadLetterId) -> bytes:
        """The audio: PCM s16le, 16 kHz, mono. Empty if there is none, or the dead letter is gone."""
        found = await self._redis.xrange(id.key, id.entry, id.entry)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        return entries[0][1].get(b"p", b"") if entries else b""

    async def replay(self, dead_letter: DeadLetter, *, force: bool = False) -> ReplayResult:
        """Move it back to its stream. The client receives the result after the earlier error, marked `late`.

        "answered": another attempt has given the utterance a final. "unreadable": it would fail again; `force` replays
        it anyway, unless the original entry is missing.
        """
        if not dead_letter.entry or (dead_letter.job is None and not force):
            return "unreadable"
        if await self._has_final(dead_letter):
            return "answered"
        id, job = dead_letter.id, dead_letter.job
        stream = id.shard.jobs(_JOB_STREAMS[id.stream_name].group, await self._kind(dead_letter))
        attempt = (job.utterance, job.attempt) if isinstance(job, AudioJob) else ("", "")
        # The stored JSON is extended, not written again from `job`: a newer release may have added fields.
        fields = dead_letter.fields
        header = json.dumps({**json.loads(fields[b"h"]), "replayed": True}, ensure_ascii=False) if job else ""
        keys = [id.key, stream, id.shard.session(job.session if job else "")]
        answer = await self._replay(keys=keys, args=[id.entry, *attempt, header, *FAILURE_FIELDS])
        return cast("ReplayResult", answer.decode())

    async def drop(self, id: DeadLetterId) -> bool:
        """Delete it. Returns False if it was gone already."""
        return bool(await self._redis.xdel(id.key, id.entry))

    async def _page(self, id: DeadLetterId, first: str, last: str) -> list[DeadLetter]:
        found = await self._list(keys=[id.key], args=[first, last, PAGE])
        return [
            _read(DeadLetterId(id.stream_name, id.shard, entry.decode()), dict(zip(flat[::2], flat[1::2], strict=True)))
            for entry, flat in found
        ]

    async def _kind(self, dead_letter: DeadLetter) -> StreamKind:
        """The kind of stream that the job names, or "final" if no worker reads the streams of recordings."""
        kind: StreamKind = dead_letter.job.stream_kind if dead_letter.job else "final"
        if kind != "recording":
            return kind
        group = _JOB_STREAMS[dead_letter.id.stream_name].group
        are_read = reads_recordings(await read_heartbeats(self._redis), group)
        return "final" if are_read is False else "recording"

    async def _has_final(self, dead_letter: DeadLetter) -> bool:
        """Whether a later attempt at the utterance, for example after a resume, has succeeded."""
        job = dead_letter.job
        if not isinstance(job, AudioJob):
            return False
        cursor = f"{dead_letter.id.time_ms - 1}-0"
        async for message in read_log(self._redis, dead_letter.id.shard, job.session, cursor):
            event = message.event
            if isinstance(event, Final | Error) and event.utterance == job.utterance:
                return isinstance(event, Final)
        return False


def _read(id: DeadLetterId, fields: dict[bytes, bytes]) -> DeadLetter:
    # Only the length of the audio decides whether it is readable, so zeros replace it.
    entry = {**fields, b"p": bytes(int(fields.get(b"p", b"0")))}
    try:
        job, _ = _JOB_STREAMS[id.stream_name].decode(entry)
    except EntryError as error:
        return DeadLetter(id, fields, None, error.message)
    return DeadLetter(id, fields, job)
