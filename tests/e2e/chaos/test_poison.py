"""Entries that harm whoever works on them: given up after `max_attempts`, nobody else harmed, replayed when cured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.messages.protocol import Error, Final
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from backend.streams.session.log import read_log
from stt_worker.recognizers.null import transcript
from tests.testkit.audio.clips import Clip
from tests.testkit.session import Conversation, speak
from tests.testkit.system.plans import poisoned

RATE = 16_000


def nova(*arguments: str, redis_url: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-c", "from backend.cli.main import main; main()", *arguments, "--redis-url", redis_url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture(scope="module")
def utterance(spoken: list[Clip]) -> NDArray[np.int16]:
    """Two seconds of speech or a little more, without a pause."""
    clip = min((c for c in spoken if c.language == "en" and len(c.pcm()) > 2.5 * RATE), key=lambda c: len(c.pcm()))
    return clip.pcm()[: int(2.2 * RATE)]


def exact(said: Conversation, pcm: NDArray[np.int16]) -> bool:
    """Whether every final was made of exactly the samples that this client sent."""
    padded = np.concatenate([pcm, np.zeros(20 * RATE, np.int16)])
    return all(f.text == transcript(padded[f.start_ms * 16 : f.end_ms * 16].tobytes()) for f in said.of(Final))


@pytest.mark.parametrize("deed", ["raise", "hang", "kill"])
async def test_poison_is_given_up_and_harms_nobody_else(
    deed: str, utterance: NDArray[np.int16], artifacts: Path
) -> None:
    quiet = np.zeros(RATE, np.int16)
    poison = np.concatenate([quiet, utterance, quiet, np.tile(utterance, 3), quiet, utterance, quiet])
    healthy = np.concatenate([quiet, utterance, quiet, utterance, quiet])
    settings = {"STT_HUNG_AFTER_S": "1.0", "STT_MAX_ATTEMPTS": "2"}
    async with poisoned(artifacts / "logs", deed, "4.0-12.0", **settings) as (system, worker):

        def say(pcm: NDArray[np.int16]) -> Awaitable[Conversation]:
            return speak(system.urls[0], pcm, language="en", partials=False)

        harmed, *others = await asyncio.gather(say(poison), *(say(healthy) for _ in range(4)))
        results = [event for _, event in harmed.events if isinstance(event, Final | Error)]
        assert [type(event) for event in results] == [Final, Error, Final]
        assert [event.utterance for event in results] == [1, 2, 3]
        assert [(error.code, error.fatal) for error in harmed.of(Error)] == [("dead_lettered", False)]
        assert exact(harmed, poison)
        for other in others:
            assert [final.utterance for final in other.of(Final)] == [1, 2]
            assert other.of(Error) == []
            assert exact(other, healthy)
        listed = await asyncio.to_thread(nova, "dead", "list", "--json", redis_url=system.redis_url)
        assert listed.count('"reason"') == 1

        worker.environment = {**worker.environment, "POISON_SECONDS": ""}
        assert worker.process is not None
        worker.process.kill()
        await asyncio.to_thread(nova, "dead", "replay", "--all", redis_url=system.redis_url)
        late = await _late(system.redis_url, harmed.session)
        assert (late.utterance, late.late) == (2, True)
        assert late.text == transcript(poison[late.start_ms * 16 : late.end_ms * 16].tobytes())


async def _late(redis_url: str, session: str) -> Final:
    """The final that follows in the session's log once its letter was replayed."""
    settings = ServiceSettings(REDIS_URL=redis_url)
    async with connect(settings) as redis, asyncio.timeout(15):
        streams = RedisJobStreams(redis, settings)
        while True:
            async for live in read_log(redis, streams.shard(session), session, "0-0"):
                if isinstance(live.event, Final) and live.event.late:
                    return live.event
            await asyncio.sleep(0.1)
