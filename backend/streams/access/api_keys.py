"""API keys in Redis: `nova_<id>_<secret>`. Of the secret only a hash is stored, so whoever reads Redis has no key.

The hash is a plain SHA-256. Slow hashes (bcrypt, Argon2) make up for secrets that people choose, which can be guessed;
ours have 192 random bits, which cannot, however fast the guessing (NIST SP 800-63B, look-up secrets: 112 bits
or more need no more than an approved hash). And a slow hash would let anyone keep a gateway busy with wrong keys.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Literal, cast, get_args

from redis.asyncio import Redis

from backend.streams.names import API_KEYS, api_key, quota_slots, quota_used

Scope = Literal["stream", "read", "admin"]
"""stream: hold sessions; read: /metrics and /health/full; admin: everything."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
FORM = re.compile(r"nova_([0-9a-f]{12})_[0-9a-f]{48}")
NO_HASH = sha256(b"").hexdigest().encode()
"""What the hash of a key is compared with that nobody has: never equal, and it takes as long."""
HASH = "return redis.call('HGET', KEYS[1], 'hash') or ARGV[1]"
"""Reads a key's hash, or the other, so that answers are of one length: even that took measurably longer than none."""
DAY_S = 86_400

Record = Mapping[bytes, bytes]
"""A hash as Redis gives it."""


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """What one caller may use, on all gateways together; 0: no limit."""

    sessions: int = 0
    """At the same time."""
    minutes_a_day: int = 0
    """Of audio, from midnight to midnight UTC."""
    new_a_minute: int = 0
    """Sessions begun; as many may be begun at once."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key."""

    id: str
    name: str
    """What its maker calls it."""
    scopes: frozenset[Scope]
    limits: QuotaLimits
    created: int
    """Unix time, seconds."""
    expires: int = 0
    """Unix time, seconds; 0: never."""


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """What a key uses now."""

    sessions: int
    minutes_today: float


class ApiKeys:
    """All API keys of a system."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def create(self, name: str, scopes: Sequence[Scope], limits: QuotaLimits, *, expires: int = 0) -> str:
        """A new key, which is shown here and never again."""
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
        await self._redis.sadd(API_KEYS, key_id)  # who dies before this has shown the key to nobody
        return key

    async def find(self, presented: str) -> ApiKey | None:
        """The key's record, or None when nobody has such a key.

        How long it takes tells nothing: of a key that does not exist as much is hashed, fetched and compared.
        """
        form = FORM.fullmatch(presented)
        key_id = form[1] if form else "0" * 12
        stored = cast("bytes", await self._redis.eval_ro(HASH, 1, api_key(key_id), NO_HASH))
        if not compare_digest(_hash(presented).encode(), stored):
            return None
        return _read(key_id, cast("Record", await self._redis.hgetall(api_key(key_id))))

    async def exists(self, key_id: str) -> bool:
        """Whether the key has neither been revoked nor expired."""
        return bool(await self._redis.exists(api_key(key_id)))

    async def any(self) -> bool:
        """Whether there is a key that somebody could come in with."""
        return any((await self._records()).values())

    async def all(self) -> list[ApiKey]:
        """Every key, the oldest first."""
        records = await self._records()
        if gone := [key_id for key_id, record in records.items() if not record]:
            await self._redis.srem(API_KEYS, *gone)
        keys = [key for key_id, record in records.items() if (key := _read(key_id, record))]
        return sorted(keys, key=lambda key: (key.created, key.id))

    async def _records(self) -> dict[str, Record]:
        """By id; empty where a key has expired."""
        ids = [cast("bytes", found).decode() for found in await self._redis.smembers(API_KEYS)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key_id in ids:
                pipe.hgetall(api_key(key_id))
            return dict(zip(ids, await pipe.execute(), strict=True))

    async def usage(self, key_id: str) -> KeyUsage:
        """What the key uses now, on all gateways."""
        now = time.time()
        sessions = await self._redis.zcount(quota_slots(key_id), int(now * 1000), "+inf")
        day, spoken = await self._redis.hmget(quota_used(key_id), ["day", "spoken"])
        today = day is not None and int(day) == int(now) // DAY_S
        return KeyUsage(sessions, int(spoken or 0) / 60_000 if today else 0.0)

    async def revoke(self, key_id: str) -> bool:
        """Nobody comes in with it from now on, and sessions that it holds end within seconds; False: it was none."""
        revoked = await self._redis.delete(api_key(key_id))
        await self._redis.srem(API_KEYS, key_id)
        return bool(revoked)


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _read(key_id: str, record: Record) -> ApiKey | None:
    """None when it is gone."""
    fields = {name.decode(): value.decode() for name, value in record.items()}
    if not fields:
        return None
    limits = QuotaLimits(*(int(fields.get(name, 0)) for name in ("sessions", "minutes_a_day", "new_a_minute")))
    scopes = frozenset(scope for scope in SCOPES if scope in fields["scopes"].split())
    return ApiKey(key_id, fields["name"], scopes, limits, int(fields["created"]), int(fields.get("expires", 0)))
