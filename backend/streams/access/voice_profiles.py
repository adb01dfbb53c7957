"""Enrolled voices in Redis. Each belongs to the caller that enrolled it, and no other caller can see or use it.

A profile is a key of its own, so that Redis itself deletes it when it expires. The name of the key contains a hash of
the speaker's name, because names of keys appear in the output of administration tools.
"""

from hashlib import sha256
from typing import cast

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.errors import ClientError
from backend.messages.voices.profiles import VoiceProfile
from backend.streams.names import voice_index, voice_profile
from backend.streams.scripts import load_script

# The owner of the voices that callers without a key enrol, where no key is required.
ANONYMOUS_OWNER = "anonymous"


class TooManyVoicesError(ClientError):
    """The caller has as many enrolled voices as it may have."""

    code = "too_many_voices"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} voices are enrolled, and no more are allowed; remove one first")


class UnknownSpeakerError(ClientError):
    """No voice is enrolled under this name, or it has expired or was removed."""

    code = "unknown_speaker"

    def __init__(self, name: str) -> None:
        super().__init__(f"no voice is enrolled under the name {name!r}")

    @property
    def log_message(self) -> str:
        """Without the name, which is that of a person."""
        return "no voice is enrolled under the name"


class VoiceProfiles:
    """The enrolled voices of all callers."""

    def __init__(self, redis: Redis, limit: int = 100) -> None:
        """`limit`: the largest number of voices of one caller."""
        self._redis, self._limit = redis, limit
        self._script: AsyncScript = redis.register_script(load_script("voice_profiles"))

    async def store(self, caller: str, profile: VoiceProfile) -> None:
        """Store a profile until it expires. Replaces one with the same name. Raises TooManyVoicesError."""
        owner, found = _owner(caller), _profile_id(profile.name)
        lifetime_ms = 1_000 * (profile.expires - profile.created)
        keys = [voice_index(owner), voice_profile(owner, found)]
        if not await self._script(keys=keys, args=[found, profile.model_dump_json(), lifetime_ms, self._limit]):
            raise TooManyVoicesError(self._limit)

    async def find(self, caller: str, name: str) -> VoiceProfile:
        """The profile with this name. Raises UnknownSpeakerError."""
        stored = await self._redis.get(voice_profile(_owner(caller), _profile_id(name)))
        profile = _read(cast("bytes | None", stored))
        if profile is None:
            raise UnknownSpeakerError(name)
        return profile

    async def all(self, caller: str) -> list[VoiceProfile]:
        """The profiles of a caller, by name."""
        owner = _owner(caller)
        ids = [cast("bytes", found).decode() for found in await self._redis.zrange(voice_index(owner), 0, -1)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for found in ids:
                pipe.get(voice_profile(owner, found))
            profiles = [_read(stored) for stored in await pipe.execute()]
        return sorted((profile for profile in profiles if profile), key=lambda profile: profile.name)

    async def remove(self, caller: str, name: str) -> None:
        """Delete a profile. Raises UnknownSpeakerError."""
        if not await self._delete(_owner(caller), _profile_id(name)):
            raise UnknownSpeakerError(name)

    async def remove_all(self, caller: str) -> int:
        """Delete all profiles of a caller. Returns how many there were."""
        owner = _owner(caller)
        ids = [cast("bytes", found).decode() for found in await self._redis.zrange(voice_index(owner), 0, -1)]
        return sum([await self._delete(owner, found) for found in ids])

    async def _delete(self, owner: str, found: str) -> bool:
        deleted = await self._redis.delete(voice_profile(owner, found))
        await self._redis.zrem(voice_index(owner), found)
        return bool(deleted)


def _owner(caller: str) -> str:
    # An empty hash tag would put the keys of one owner into different slots of a cluster.
    return caller or ANONYMOUS_OWNER


def _profile_id(name: str) -> str:
    return sha256(name.casefold().encode()).hexdigest()[:24]


def _read(stored: bytes | None) -> VoiceProfile | None:
    """None for a profile that has expired, or that a later release wrote in another form."""
    try:
        return VoiceProfile.model_validate_json(stored) if stored else None
    except ValidationError:
        return None
