"""All keys and channels in Redis. No other module spells them.

`{n}` in a key is the hash tag of shard n. All keys of a session carry the same tag, so they are in one Redis Cluster
slot, and one script can use them together. docs/reference/redis-keys.md lists who owns each key and what limits its
size.
"""

import zlib
from dataclasses import dataclass

from backend.messages.jobs import StreamKind

STT_GROUP = "stt"
TRANSLATION_GROUP = "translation"
# Streams whose entries stay pending until their result is committed, and all streams of jobs.
DURABLE_STREAMS: tuple[StreamKind, ...] = ("final", "recording")
STREAM_KINDS: tuple[StreamKind, ...] = (*DURABLE_STREAMS, "preview")
# Set of all heartbeat keys. Readers remove keys that have expired.
WORKERS = "nova:workers"
# Hash with the speech of each gateway. Its name matches the key pattern of the gateways' Redis user.
SPEECH = "nova:workers:speech"
# Sorted set and hash of calls with events for webhooks. Their names also match patterns of the gateways' Redis user.
OUTBOX_DUE, OUTBOX_TRIES = "nova:{webhooks}:session:due", "nova:{webhooks}:session:tries"
# Set of the ids of all API keys. Readers remove ids whose key has expired.
API_KEYS = "nova:keys"


@dataclass(frozen=True, slots=True)
class Shard:
    """The keys of one shard."""

    number: int

    @property
    def prefix(self) -> str:
        return f"nova:{{{self.number}}}"

    def audio(self, kind: StreamKind) -> str:
        """Stream of audio jobs, read by group `stt`."""
        return f"{self.prefix}:audio:{kind}"

    def transcripts(self, kind: StreamKind) -> str:
        """Stream of transcripts to translate, read by group `translation`."""
        return f"{self.prefix}:transcript:{kind}"

    def jobs(self, group: str, kind: StreamKind) -> str:
        """One of the streams that a group reads."""
        return self.audio(kind) if group == STT_GROUP else self.transcripts(kind)

    def dead(self, group: str) -> str:
        """Stream of the entries that a group could not process."""
        return f"{self.prefix}:{'audio' if group == STT_GROUP else 'transcript'}:dead"

    def session(self, session: str) -> str:
        """Hash: options, lease, and results that wait for their release; common.lua lists the fields."""
        return f"{self.prefix}:session:{session}"

    def log(self, session: str) -> str:
        """Stream: the session's durable events in order."""
        return f"{self.prefix}:log:{session}"

    def events(self, session: str) -> str:
        """Sharded pub/sub channel: the durable events and the partials, as they happen."""
        return f"{self.prefix}:events:{session}"

    def bus_claim(self, bus: str, session: str) -> str:
        """Hash: the gateway that serves a client on a message bus. Its name matches a pattern of the gateways' user."""
        return f"{self.prefix}:session:bus:{bus}:{session}"

    def room(self, room: str, part: str) -> str:
        """A part of a room: "state", "log", "links", "languages", "corrected", "seen:LINES" or the channel "events"."""
        return f"{self.prefix}:room:{room}:{part}"


def shard_of(session: str, shards: int) -> Shard:
    """The shard of a session or room: the same in every process and release."""
    return Shard(zlib.crc32(session.encode()) % shards)


def all_shards(shards: int) -> tuple[Shard, ...]:
    return tuple(Shard(number) for number in range(shards))


def worker_key(kind: str, name: str) -> str:
    """Heartbeat of one process."""
    return f"{WORKERS}:{kind}:{name}"


def api_key(key_id: str) -> str:
    """Hash: name, scopes and limits of an API key, and the SHA-256 of the key. The key itself is not stored."""
    return f"nova:key:{{{key_id}}}"


def quota_used(caller: str) -> str:
    """Hash: today's audio of a caller, and the token bucket of new sessions."""
    return f"nova:quota:{{{caller}}}:used"


def quota_owners(caller: str) -> str:
    """Hash: for each session with a slot, the epoch of the lease that holds it and the start of the session."""
    return f"nova:quota:{{{caller}}}:owners"


def quota_slots(caller: str) -> str:
    """Sorted set: sessions of a caller, each with the time (ms) when its slot expires."""
    return f"nova:quota:{{{caller}}}:places"


def client_secrets(caller: str) -> str:
    """Hash: hashes of the client secrets of a caller, and the session that each one opens."""
    return f"nova:quota:{{{caller}}}:secrets"


def outbox_events(call: str) -> str:
    """Stream: events of a call that await delivery to a webhook."""
    return f"nova:{{webhooks}}:log:{call}"


def voice_profile(owner: str, profile: str) -> str:
    """String: an enrolled voice of an owner, as JSON."""
    return f"nova:speakers:{{{owner}}}:{profile}"


def voice_index(owner: str) -> str:
    """Sorted set: the ids of the enrolled voices of an owner, each with the time (ms) when it expires."""
    return f"nova:speakers:{{{owner}}}:index"


def fanout_channel(channel: str, name: str) -> str:
    """A channel of one process, in the cluster slot of a session's channel: `nova:{n}:fanout:<name>`."""
    return f"{channel[: channel.index('}') + 1]}:fanout:{name}"
