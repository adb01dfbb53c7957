"""Every key and channel in Redis; the only place that spells them.

`{s}` is the shard's hash tag: all of a session's keys share a Redis Cluster slot, so that one script commits across
them. Each key's owner, and what keeps it from growing, is in docs/reference/redis-keys.md.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from backend.messages.jobs import JobKind

STT_GROUP = "stt"
TRANSLATION_GROUP = "translation"
WORKERS = "nova:workers"
"""Set of all heartbeat keys; who reads it takes out those that have expired."""

API_KEYS = "nova:keys"
"""Set of the ids of all API keys; who lists them takes out those that have expired."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The lanes of one shard."""

    number: int

    @property
    def prefix(self) -> str:
        """What all keys of the shard begin with."""
        return f"nova:{{{self.number}}}"

    def audio(self, kind: JobKind) -> str:
        """Stream of audio jobs, read by group `stt`."""
        return f"{self.prefix}:audio:{kind}"

    def transcripts(self, kind: JobKind) -> str:
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


def api_key(key_id: str) -> str:
    """Hash: what is known of an API key; of the key itself only its SHA-256."""
    return f"nova:key:{{{key_id}}}"


def quota_used(caller: str) -> str:
    """Hash: what a caller has used up, of audio today and of new sessions this minute."""
    return f"nova:quota:{{{caller}}}:used"


def quota_slots(caller: str) -> str:
    """Sorted set: the sessions that a caller holds, each with the time (ms) until which it counts."""
    return f"nova:quota:{{{caller}}}:places"


def fanout_channel(channel: str, name: str) -> str:
    """A process's own channel in the slot of a session's: `nova:{s}:fanout:<name>`."""
    return f"{channel[: channel.index('}') + 1]}:fanout:{name}"
