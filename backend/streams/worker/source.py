"""The reading side of one consumer in a group. `RedisEntrySource` implements the interface."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from backend.errors import EntryError
from backend.messages.jobs import StreamKind
from backend.messages.options import Priority
from backend.streams.job_streams import Entry, J, JobStream
from backend.streams.names import Shard

# A live consumer reads at least once a second, or renews its claims.
IDLE_S = 600.0


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as it was read, not decoded yet."""

    shard: Shard
    # The stream that it was read from.
    kind: StreamKind
    id: str
    fields: Mapping[bytes, bytes]

    def decode(self, job_stream: JobStream[J]) -> Entry[J]:
        """Raises EntryError when no worker can read it."""
        job, pcm = job_stream.decode(self.fields)
        if (job.kind == "preview") != (self.kind == "preview"):
            raise EntryError(f"a {job.kind} job in a stream of {self.kind} jobs")
        # The stream decides: `nova dead` of an earlier release replays recordings into the stream of live finals.
        priority: Priority = "recording" if self.kind == "recording" else "live"
        job = job if job.priority == priority else job.model_copy(update={"priority": priority})
        return Entry(self.shard, self.id, job, pcm)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A stale entry that was taken over from another consumer."""

    raw: RawEntry
    # How often the entry was delivered, this delivery included.
    deliveries: int


class EntrySource(AbstractAsyncContextManager[Any], Protocol, Generic[J]):
    """One consumer of one group. Entered while it reads; methods raise REDIS_ERRORS."""

    job_stream: JobStream[J]
    name: str

    async def read(
        self, max_finals: int, *, wait: bool, recording: bool = False, at_most_s: float = math.inf
    ) -> list[RawEntry]:
        """New entries: up to `max_finals` finals of each stream, and all previews.

        Finals stay pending until they are committed. Previews are acknowledged here. With `wait`, blocks until there is
        an entry, for about a second at most, or for `at_most_s`. With `recording` too, one new entry of a recording may
        end the wait: of one shard, another one at each call, and not on a cluster of several shards. It stays pending.
        """

    async def read_recordings(self, count: int) -> list[RawEntry]:
        """Up to `count` new entries of recordings of one shard, whatever else waits. They stay pending."""

    async def finish_reads(self) -> list[RawEntry]:
        """The entries of reads that are still in progress. Call it once, after the last `read`."""

    async def claim_stale_entry(self, kind: StreamKind) -> Claimed | None:
        """Take over one entry of a stream whose consumer has not renewed its claim in time.

        One at a time: if the entry kills this worker too, no other entry's delivery count grows.
        """

    def keep_claims(self, entries: Sequence[Entry[J]]) -> AbstractAsyncContextManager[None]:
        """Renew the claims on these entries until the context exits, so that no other consumer takes them over."""

    async def hand_back(self) -> int:
        """Let other consumers claim the pending entries of this one at once; returns how many.

        Each counts as delivered once to this consumer.
        """

    async def delete_idle_consumers(self, idle_s: float = IDLE_S) -> int:
        """Delete consumers of workers that died; returns how many. A consumer with pending entries stays."""

    async def leave(self) -> None:
        """Delete this consumer from the group."""
