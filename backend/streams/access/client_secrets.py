"""Client secrets: short-lived credentials that a caller gives to its own clients, such as a web page.

A secret is `ek_<caller>_<expiry>_<random>`. Redis stores only a hash, as it does of keys (api_keys.py). Its name in
Redis is one that the gateways' Redis user may write.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from redis.asyncio import Redis

from backend.errors import ClientError
from backend.streams.names import client_secrets

SECRET_PREFIX = "ek_"
SECRET_PATTERN = re.compile(SECRET_PREFIX + r"([0-9a-z-]{0,24})_([0-9]{1,12})_[0-9a-f]{48}")
# Seconds.
MIN_LIFETIME_S, MAX_LIFETIME_S = 10, 7_200
# Secrets of one caller that have not expired. Bounds what a caller stores in Redis.
MAX_SECRETS = 1_000


class TooManySecretsError(ClientError):
    """The caller has as many secrets as it may have."""

    code = "over_quota"

    def __init__(self) -> None:
        super().__init__(f"there are {MAX_SECRETS} client secrets that have not expired")


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """`caller` is the id of the caller that created it, `expires` Unix time in seconds, `session` JSON."""

    caller: str
    expires: int
    session: str


class ClientSecrets:
    """Creates and finds client secrets."""

    def __init__(self, redis: Redis, now: Callable[[], float] = time.time) -> None:
        self._redis, self._now = redis, now

    async def create(self, caller: str, session: str, lifetime_s: int) -> tuple[str, int]:
        """Return a new secret and its expiry (Unix time in seconds). Raises TooManySecretsError."""
        key, expires = client_secrets(caller), int(self._now()) + lifetime_s
        names = [cast("bytes", name) for name in await self._redis.hkeys(key)]
        if expired := [name for name in names if int(name.partition(b":")[0]) <= self._now()]:
            await self._redis.hdel(key, *cast("Any", expired))
        if len(names) - len(expired) >= MAX_SECRETS:
            raise TooManySecretsError
        secret = f"{SECRET_PREFIX}{caller}_{expires}_{secrets.token_hex(24)}"
        # Not a transaction, which the gateways' Redis user may not use.
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, _field(secret, expires), session)
            pipe.expire(key, MAX_LIFETIME_S)
            await pipe.execute()
        return secret, expires

    async def find(self, presented: str) -> ClientSecret | None:
        """The record of a secret, or None if it is unknown or has expired."""
        if not (match := SECRET_PATTERN.fullmatch(presented)):
            return None
        caller, expires = match[1], int(match[2])
        session = cast("bytes | None", await self._redis.hget(client_secrets(caller), _field(presented, expires)))
        return None if session is None or expires <= self._now() else ClientSecret(caller, expires, session.decode())


def _field(secret: str, expires: int) -> str:
    return f"{expires}:{sha256(secret.encode()).hexdigest()}"
