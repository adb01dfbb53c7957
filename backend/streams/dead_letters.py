"""Dead letters: work that no worker could do, kept whole until an operator replays or drops it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import EntryError
from backend.messages.jobs import BYTES_PER_SECOND, AudioJob, Transcript
from backend.messages.protocol import Error, Final
from backend.service.settings import ServiceSettings
from backend.streams.job_streams import AUDIO, TRANSCRIPTS, JobStream
from backend.streams.names import Shard, all_shards
from backend.streams.scripts import script
from backend.streams.session.log import read_after

StreamName = Literal["audio", "transcript"]
FailureField = Literal["reason", "error", "attempts", "worker"]
ReplayResult = Literal["replayed", "gone", "unreadable", "answered"]

PAGE = 2
"""Letters looked at in one step: each may hold a megabyte, and Redis does nothing else meanwhile (about 1 ms)."""

_LANES: Mapping[StreamName, JobStream[Any]] = {"audio": AUDIO, "transcript": TRANSCRIPTS}
_ADDED = frozenset({b"reason", b"error", b"attempts", b"worker", b"time"})
"""What a letter has and its entry had not (consumer.py writes it, replay_dead_letter.lua takes it off)."""


@dataclass(frozen=True, slots=True)
class DeadLetterId:
    """Where a letter lies; as text `a0-1700000000000-0`: lane and shard, then the entry's id in the stream."""

    lane: StreamName
    shard: Shard
    entry: str

    def __str__(self) -> str:
        return f"{self.lane[0]}{self.shard.number}-{self.entry}"

    @classmethod
    def parse(cls, text: str) -> DeadLetterId:
        """The opposite of `str`. Raises ValueError."""
        match = re.fullmatch(r"([at])(\d{1,4})-(\d{1,20}-\d{1,20})", text)
        if not match:
            raise ValueError(f"{text!r} is no dead letter's id: such as a0-1700000000000-0")
        return cls("audio" if match[1] == "a" else "transcript", Shard(int(match[2])), match[3])

    @property
    def stream(self) -> str:
        """Its stream of dead letters."""
        return self.shard.dead(_LANES[self.lane].group)

    @property
    def time_ms(self) -> int:
        """Unix time at which the letter was written, by Redis's clock."""
        return int(self.entry.partition("-")[0])


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter without its audio."""

    id: DeadLetterId
    fields: Mapping[bytes, bytes]
    """As they lie in the stream; but `p` is the number of bytes of audio."""
    job: AudioJob | Transcript | None
    """None when it cannot be read."""
    problem: str = ""
    """Why it cannot be read."""

    @property
    def entry(self) -> dict[bytes, bytes]:
        """The fields that it had on its lane; of `p` again the length."""
        return {name: value for name, value in self.fields.items() if name not in _ADDED}

    @property
    def audio_bytes(self) -> int:
        """How much audio it holds."""
        return int(self.fields.get(b"p", b"0"))

    @property
    def audio_s(self) -> float:
        """The same in seconds."""
        return self.audio_bytes / BYTES_PER_SECOND

    def failure_field(self, field: FailureField) -> str:
        """What the worker noted that gave it up."""
        return self.fields.get(field.encode(), b"").decode(errors="backslashreplace")


class DeadLetters:
    """All of a system's, over all shards."""

    def __init__(self, redis: Redis, settings: ServiceSettings) -> None:
        self._redis = redis
        self.shards = all_shards(settings.shards)
        self._letters: AsyncScript = redis.register_script(script("list_dead_letters"))
        self._replay: AsyncScript = redis.register_script(script("replay_dead_letter"))

    async def scan(self, lane: StreamName | None = None) -> AsyncIterator[DeadLetter]:
        """Every letter, of one lane or both; the oldest of each stream first."""
        for name in (lane,) if lane else _LANES:
            for shard in self.shards:
                after = "-"
                while page := await self._page(DeadLetterId(name, shard, ""), after, "+"):
                    for letter in page:
                        yield letter
                    after = f"({page[-1].id.entry}"

    async def find(self, place: DeadLetterId) -> DeadLetter | None:
        """This one; None when there is none, or no more."""
        page = await self._page(place, place.entry, place.entry)
        return page[0] if page else None

    async def audio(self, place: DeadLetterId) -> bytes:
        """Its audio, PCM s16le, 16 kHz, mono; empty when it has none, or is gone."""
        found = await self._redis.xrange(place.stream, place.entry, place.entry)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        return entries[0][1].get(b"p", b"") if entries else b""

    async def replay(self, letter: DeadLetter, *, force: bool = False) -> ReplayResult:
        """Put it back on its lane, as if it had just been submitted; its result follows the error, marked `late`.

        Refused are one that cannot be read (it would only come back; `force` replays it all the same, if anything is
        left of it), and one whose utterance has its final, which another attempt gave.
        """
        if not letter.entry or (letter.job is None and not force):
            return "unreadable"
        if await self._answered(letter):
            return "answered"
        place, job = letter.id, letter.job
        lane = _LANES[place.lane].finals(place.shard)
        turn = (job.utterance, job.attempt) if isinstance(job, AudioJob) else ("", "")
        header = json.dumps({**json.loads(letter.fields[b"h"]), "replayed": True}, ensure_ascii=False) if job else ""
        keys = [place.stream, lane, place.shard.session(job.session if job else "")]
        took = await self._replay(keys=keys, args=[place.entry, *turn, header])
        return "replayed" if took else "gone"

    async def drop(self, place: DeadLetterId) -> bool:
        """Delete it; whether it was there."""
        return bool(await self._redis.xdel(place.stream, place.entry))

    async def _page(self, place: DeadLetterId, first: str, last: str) -> list[DeadLetter]:
        found = await self._letters(keys=[place.stream], args=[first, last, PAGE])
        return [
            _read(DeadLetterId(place.lane, place.shard, entry.decode()), dict(zip(flat[::2], flat[1::2], strict=True)))
            for entry, flat in found
        ]

    async def _answered(self, letter: DeadLetter) -> bool:
        """Whether the utterance was settled by a final after this attempt at it had died."""
        job = letter.job
        if not isinstance(job, AudioJob):
            return False
        before = f"{letter.id.time_ms - 1}-0"
        async for live in read_after(self._redis, letter.id.shard, job.session, before):
            if isinstance(live.event, Final | Error) and live.event.utterance == job.utterance:
                return isinstance(live.event, Final)
        return False


def _read(place: DeadLetterId, fields: dict[bytes, bytes]) -> DeadLetter:
    # Whether audio can be read depends on its length alone.
    whole = {**fields, b"p": bytes(int(fields.get(b"p", b"0")))}
    try:
        job, _ = _LANES[place.lane].decode(whole)
    except EntryError as error:
        return DeadLetter(place, fields, None, error.message)
    return DeadLetter(place, fields, job)
