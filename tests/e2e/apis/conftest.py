"""Two recordings, and helpers of the tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.system import System, running
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client
from backend.text.edits import WordErrors
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, own_redis, system_plan


@dataclass(frozen=True, slots=True)
class KeyedPort:
    """A system that requires keys, and the key of its port, which allows one session."""

    system: System
    keys: ApiKeys
    key: str

    async def revoke(self) -> None:
        """Revoke the key of the port."""
        assert await self.keys.revoke(self.key.split("_")[1])


@asynccontextmanager
async def keyed_port(folder: Path, key_setting: str, settings: Mapping[str, str]) -> AsyncIterator[KeyedPort]:
    """Start a system whose port has a key of its own. `key_setting` names the setting of this key."""
    async with own_redis(folder) as url, aclosing(client(url)) as redis:
        keys = ApiKeys(redis)
        key = await keys.create("port", ("stream",), QuotaLimits(sessions=1))
        environment = {**NO_LOAD_LIMIT, "GATEWAY_AUTH": "keys", key_setting: key, **settings}
        async with running(system_plan(folder, redis_url=url, environment=environment), silent) as system:
            yield KeyedPort(system, keys, key)


@pytest.fixture(scope="module")
def english(speech_clips: list[Clip]) -> list[Clip]:
    """Two English recordings of a few seconds."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return sorted(several, key=lambda clip: len(clip.pcm()))[:2]


def error_percent(clip: Clip, text: str) -> float:
    """The word error rate of a transcript."""
    errors = WordErrors()
    errors.add(clip.text, text)
    return errors.percent


def resampled(pcm: NDArray[np.int16], rate: int) -> bytes:
    """[n] at 16 kHz as s16le of another rate."""
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = 16_000
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    return b"".join(out.to_ndarray().tobytes() for one in (frame, None) for out in resampler.resample(one))
