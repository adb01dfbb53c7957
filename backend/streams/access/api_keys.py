"""API keys in Redis: `nova_<id>_<secret>`. Only a hash of the key is stored, so a reader of Redis has no keys.

The hash is a plain SHA-256. Slow hashes (bcrypt, Argon2) protect secrets that people choose, which can be guessed.
These secrets have 192 random bits, which cannot be guessed at any speed: NIST SP 800-63B requires no more than an
approved hash for look-up secrets of 112 bits or more. A slow hash would also let anyone keep a gateway busy with wrong
keys.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Literal, cast, get_args

from redis.asyncio import Redis

from backend.streams.access.voice_profiles import VoiceProfiles
from backend.streams.names import API_KEYS, api_key, quota_slots, quota_used

# stream: open sessions. read: /metrics and /health/full. admin: everything.
Scope = Literal["stream", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_PATTERN = re.compile(r"nova_([0-9a-f]{12})_[0-9a-f]{48}")
# Compared with the hash of a presented key that does not exist, so that both cases take the same time.
DUMMY_HASH = sha256(b"").hexdigest().encode()
# Returns the hash of a key, or the dummy. HGET alone would answer with nil, which is shorter, and takes measurably less
# time.
GET_HASH = "return redis.call('HGET', KEYS[1], 'hash') or ARGV[1]"
# Stores the words of a key that exists: otherwise a record without a hash would remain of a revoked key.
SET_HOTWORDS = "return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HSET', KEYS[1], 'hotwords', ARGV[1]) + 1"
DAY_S = 86_400

RedisHash = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """Limits of one caller, over all gateways. 0: no limit."""

    # Concurrent sessions.
    sessions: int = 0
    # Minutes of audio from midnight to midnight UTC.
    minutes_a_day: int = 0
    # New sessions per minute; the same number may start at once.
    new_a_minute: int = 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    # Chosen by the operator who created the key.
    name: str
    scopes: frozenset[Scope]
    limits: QuotaLimits
    # Unix time, seconds.
    created: int
    # Unix time, seconds; 0: never.
    expires: int = 0
    # Names and terms that all sessions of the key expect, separated by ", ".
    hotwords: str = ""


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """Current usage of an API key on all gateways."""

    sessions: int
    minutes_today: float


class ApiKeys:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def create(self, name: str, scopes: Sequence[Scope], limits: QuotaLimits, *, expires: int = 0) -> str:
        """Create a key and return it. It cannot be retrieved later."""
        key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
        key = f"nova_{key_id}_{secret}"
        fields = {
            "hash": _hash(key),
            "name": name,
            "scopes": " ".join(scopes),
            "created": int(time.time()),
            "expires": expires,
            **asdict(limits),
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(api_key(key_id), mapping=cast("Any", fields))
            if expires:
                pipe.expireat(api_key(key_id), expires)
            await pipe.execute()
        # A separate command, because the set is in another cluster slot. If this process dies before it, the key exists
        # but is not listed, and its secret was never shown.
        await self._redis.sadd(API_KEYS, key_id)
        return key

    async def find(self, presented: str) -> ApiKey | None:
        """The record of a key, or None if the key is not valid.

        Timing reveals nothing: for an unknown key, as much is hashed, fetched and compared as for a known one.
        """
        match = KEY_PATTERN.fullmatch(presented)
        key_id = match[1] if match else "0" * 12
        stored = cast("bytes", await self._redis.eval_ro(GET_HASH, 1, api_key(key_id), DUMMY_HASH))
        if not compare_digest(_hash(presented).encode(), stored):
            return None
        return await self.by_id(key_id)

    async def by_id(self, key_id: str) -> ApiKey | None:
        """The record of a key, or None if it was revoked or has expired."""
        return _read_key(key_id, cast("RedisHash", await self._redis.hgetall(api_key(key_id))))

    async def exists(self, key_id: str) -> bool:
        """False if the key was revoked or has expired."""
        return bool(await self._redis.exists(api_key(key_id)))

    async def set_hotwords(self, key_id: str, hotwords: str) -> bool:
        """Replace the hotwords of a key. New sessions use them. Returns False if the key does not exist."""
        return bool(await self._redis.eval(SET_HOTWORDS, 1, api_key(key_id), hotwords))

    async def any(self) -> bool:
        """Whether there is a valid key."""
        return any((await self._records()).values())

    async def all(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        records = await self._records()
        if expired := [key_id for key_id, record in records.items() if not record]:
            await self._redis.srem(API_KEYS, *expired)
        keys = [key for key_id, record in records.items() if (key := _read_key(key_id, record))]
        return sorted(keys, key=lambda key: (key.created, key.id))

    async def _records(self) -> dict[str, RedisHash]:
        """Records by id; empty for an expired key."""
        ids = [cast("bytes", found).decode() for found in await self._redis.smembers(API_KEYS)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key_id in ids:
                pipe.hgetall(api_key(key_id))
            return dict(zip(ids, await pipe.execute(), strict=True))

    async def usage(self, key_id: str) -> KeyUsage:
        now = time.time()
        sessions = await self._redis.zcount(quota_slots(key_id), int(now * 1000), "+inf")
        day, spoken_ms = await self._redis.hmget(quota_used(key_id), ["day", "spoken"])
        is_today = day is not None and int(day) == int(now) // DAY_S
        return KeyUsage(sessions, int(spoken_ms or 0) / 60_000 if is_today else 0.0)

    async def revoke(self, key_id: str) -> bool:
        """Delete a key and its enrolled voices. Its sessions end within seconds. Returns False if it did not exist."""
        deleted = await self._redis.delete(api_key(key_id))
        await VoiceProfiles(self._redis).remove_all(key_id)
        await self._redis.srem(API_KEYS, key_id)
        return bool(deleted)


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _read_key(key_id: str, record: RedisHash) -> ApiKey | None:
    """Return None for an empty record: the key has expired or was revoked."""
    fields = {name.decode(): value.decode() for name, value in record.items()}
    if not fields:
        return None
    limits = QuotaLimits(*(int(fields.get(name, 0)) for name in ("sessions", "minutes_a_day", "new_a_minute")))
    # Scopes of a newer release are ignored.
    scopes = frozenset(scope for scope in SCOPES if scope in fields["scopes"].split())
    created, expires = int(fields["created"]), int(fields.get("expires", 0))
    return ApiKey(key_id, fields["name"], scopes, limits, created, expires, fields.get("hotwords", ""))
