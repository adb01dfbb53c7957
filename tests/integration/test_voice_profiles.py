"""Enrolled voices in a real Redis: their owners, limits and deletion."""

from typing import cast

import numpy as np
import pytest
from redis.asyncio import Redis

from backend.messages.protocol import Start
from backend.messages.voices.profiles import TargetVoice, VoiceProfile
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.access.voice_profiles import TooManyVoicesError, UnknownSpeakerError, VoiceProfiles
from backend.streams.names import voice_index
from gateway.connection.voice_storage import load_resumed_voices, load_voices
from stt_worker.voices.target import Target

OWNER, OTHER = "0" * 12, "1" * 12


def profile(name: str, lifetime_s: int = 1_000) -> VoiceProfile:
    figures = {"samples": 3, "seconds": 12.0, "similarity": 0.8, "threshold": 0.5, "short_threshold": 0.45}
    return VoiceProfile(name=name, embedding="AAAA", consent=True, created=0, expires=lifetime_s, **figures)


@pytest.fixture
def voices(redis: Redis) -> VoiceProfiles:
    return VoiceProfiles(redis, limit=2)


async def test_a_voice_belongs_to_the_caller_that_enrolled_it(voices: VoiceProfiles) -> None:
    await voices.store(OWNER, profile("Anna"))
    assert await voices.find(OWNER, "anna") == profile("Anna")
    assert await voices.all(OTHER) == []
    for work in (voices.find, voices.remove):
        with pytest.raises(UnknownSpeakerError):
            await work(OTHER, "Anna")
    assert [found.name for found in await voices.all(OWNER)] == ["Anna"]


async def test_the_name_of_an_unknown_voice_is_not_logged(voices: VoiceProfiles) -> None:
    with pytest.raises(UnknownSpeakerError, match="'Anna'") as refused:
        await voices.find(OWNER, "Anna")
    assert "Anna" not in refused.value.log_message


async def test_a_session_continues_after_the_voice_of_its_only_speaker_was_removed(voices: VoiceProfiles) -> None:
    """It is fail-safe: a target remains, and any voice differs from it."""
    start = Start(only_speaker="Anna")
    await voices.store(OWNER, profile("Anna"))
    assert (await load_resumed_voices(voices, OWNER, start)).target == TargetVoice.of(profile("Anna"))
    await voices.remove(OWNER, "Anna")
    with pytest.raises(UnknownSpeakerError):
        await load_voices(voices, OWNER, start)
    remaining = (await load_resumed_voices(voices, OWNER, start)).target
    assert remaining is not None
    spoken = np.eye(1, 192, dtype=np.float32)[0]
    assert not any(Target.of(remaining).is_spoken(spoken, seconds) for seconds in (0.5, 5.0))


async def test_a_resumed_session_of_all_speakers_has_no_target(voices: VoiceProfiles) -> None:
    start = Start(speakers=True, known_speakers=("Anna",))
    assert (await load_resumed_voices(voices, OWNER, start)).target is None


async def test_callers_without_a_key_share_their_voices(voices: VoiceProfiles) -> None:
    await voices.store("", profile("Anna"))
    assert [found.name for found in await voices.all("")] == ["Anna"]


async def test_the_limit_counts_voices_that_exist(voices: VoiceProfiles) -> None:
    for name in ("Anna", "Ben", "ANNA"):
        await voices.store(OWNER, profile(name))
    with pytest.raises(TooManyVoicesError, match="2 voices"):
        await voices.store(OWNER, profile("Carla"))
    await voices.store(OTHER, profile("Carla"))
    await voices.remove(OWNER, "Ben")
    await voices.store(OWNER, profile("Carla"))
    assert [found.name for found in await voices.all(OWNER)] == ["ANNA", "Carla"]


async def test_redis_deletes_a_voice_that_expires(redis: Redis, voices: VoiceProfiles) -> None:
    await voices.store(OWNER, profile("Anna", 60))
    await voices.store(OWNER, profile("Ben", 120))
    lifetimes = {key: await redis.pttl(key) for key in await redis.keys("nova:speakers:*")}
    assert len(lifetimes) == 3
    assert all(0 < left_ms <= 120_000 for left_ms in lifetimes.values())
    assert lifetimes[voice_index(OWNER).encode()] > 60_000
    # An expired voice no longer counts, although the index has not been cleaned.
    first = cast("bytes", (await redis.zrange(voice_index(OWNER), 0, 0))[0])
    await redis.zadd(voice_index(OWNER), {first: 1})
    await voices.store(OWNER, profile("Carla"))


async def test_the_name_is_in_no_key(redis: Redis, voices: VoiceProfiles) -> None:
    await voices.store(OWNER, profile("Anna"))
    assert not any(b"nna" in key for key in await redis.keys("nova:speakers:*"))


async def test_a_revoked_key_leaves_no_voices(redis: Redis, voices: VoiceProfiles) -> None:
    keys = ApiKeys(redis)
    owner = (await keys.create("test", ["stream"], QuotaLimits())).split("_")[1]
    await voices.store(owner, profile("Anna"))
    await voices.store(owner, profile("Ben"))
    assert await keys.revoke(owner)
    assert await redis.keys("nova:speakers:*") == []
