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
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import ClientError
from backend.streams.names import client_secrets
from backend.streams.scripts import load_script

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
        self._script: AsyncScript = redis.register_script(load_script("client_secrets"))

    async def create(
        self, caller: str, session: str, lifetime_s: int, *, not_after: float | None = None
    ) -> tuple[str, int]:
        """Return a new secret and its expiry (Unix time in seconds). Raises TooManySecretsError.

        The secret does not outlive `not_after` (Unix time in seconds), the expiry of its creator's own credential.
        """
        now = self._now()
        expires = int(now) + lifetime_s if not_after is None else int(min(now + lifetime_s, not_after))
        secret = f"{SECRET_PREFIX}{caller}_{expires}_{secrets.token_hex(24)}"
        arguments: list[float | str] = [now, _field(secret, expires), session, MAX_SECRETS, MAX_LIFETIME_S]
        if not await self._script(keys=[client_secrets(caller)], args=arguments):
            raise TooManySecretsError
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
