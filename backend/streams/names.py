"""Every key and channel in Redis; the only place that spells them.

`{s}` is the shard's hash tag: all of a session's keys share a Redis Cluster slot, so that one script commits across
them. Each key's owner, and what keeps it from growing, is in docs/reference/keys.md.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from backend.messages.jobs import Kind

STT_GROUP = "stt"
TRANSLATION_GROUP = "translation"
WORKERS = "nova:workers"
"""Set of all heartbeat keys; who reads it takes out those that have expired."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The lanes of one shard."""

    number: int

    @property
    def prefix(self) -> str:
        """What all keys of the shard begin with."""
        return f"nova:{{{self.number}}}"

    def audio(self, kind: Kind) -> str:
        """Stream of audio jobs, read by group `stt`."""
        return f"{self.prefix}:audio:{kind}"

    def transcripts(self, kind: Kind) -> str:
        """Stream of transcripts to translate, read by group `translation`."""
        return f"{self.prefix}:transcript:{kind}"

    def dead(self, group: str) -> str:
        """Stream of the entries that a group could not process."""
        return f"{self.prefix}:{'audio' if group == STT_GROUP else 'transcript'}:dead"

    def session(self, session: str) -> str:
        """Hash: the session's settings, owner, and results that wait for their turn (common.lua)."""
        return f"{self.prefix}:session:{session}"

    def log(self, session: str) -> str:
        """Stream: every durable event of the session in order."""
        return f"{self.prefix}:log:{session}"

    def events(self, session: str) -> str:
        """Sharded pub/sub channel: the same events and the partials, live."""
        return f"{self.prefix}:events:{session}"


def shard_of(session: str, shards: int) -> Shard:
    """The shard a session lives on: the same for every process and release."""
    return Shard(zlib.crc32(session.encode()) % shards)


def all_shards(shards: int) -> tuple[Shard, ...]:
    """Every shard there is."""
    return tuple(Shard(number) for number in range(shards))


def worker_key(kind: str, name: str) -> str:
    """Heartbeat of one process."""
    return f"{WORKERS}:{kind}:{name}"


def fanout_channel(channel: str, name: str) -> str:
    """A process's own channel in the slot of a session's: `nova:{s}:fanout:<name>`."""
    return f"{channel[: channel.index('}') + 1]}:fanout:{name}"
