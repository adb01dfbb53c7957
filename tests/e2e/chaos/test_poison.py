"""Jobs that make the worker fail: dead-lettered after `max_attempts`, without harm to others, and replayed later."""

import asyncio
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
from tests.testkit.audio.clips import RATE, Clip, shortest_clip
from tests.testkit.session import ClientLedger, speak
from tests.testkit.system.command import nova
from tests.testkit.system.plans import running_with_poison, system_plan


@pytest.fixture(scope="module")
def utterance(speech_clips: list[Clip]) -> NDArray[np.int16]:
    """The start of a clip: 2.2 s of speech without a pause."""
    clip = shortest_clip(speech_clips, 2.5)
    return clip.pcm()[: int(2.2 * RATE)]


def texts_match(ledger: ClientLedger) -> bool:
    """Whether each final was made of exactly the samples that this client sent."""
    return all(final.text == transcript(ledger.audio_of(final)) for final in ledger.received(Final))


@pytest.mark.parametrize("failure", ["raise", "hang", "kill"])
async def test_a_poisonous_job_is_dead_lettered_and_harms_no_other_session(
    failure: str, utterance: NDArray[np.int16], artifacts: Path
) -> None:
    quiet = np.zeros(RATE, np.int16)
    poison = np.concatenate([quiet, utterance, quiet, np.tile(utterance, 3), quiet, utterance, quiet])
    healthy = np.concatenate([quiet, utterance, quiet, utterance, quiet])
    settings = {"STT_HUNG_AFTER_S": "1.0", "STT_MAX_ATTEMPTS": "2"}
    plan = system_plan(artifacts / "logs", stt_workers=0)
    async with running_with_poison(plan, failure, "4.0-12.0", **settings) as (system, worker):
        audio = [poison, *[healthy] * 4]
        harmed, *others = await asyncio.gather(
            *(speak(system.urls[0], pcm, language="en", partials=False) for pcm in audio)
        )
        results = [event for _, event in harmed.events if isinstance(event, Final | Error)]
        assert [type(event) for event in results] == [Final, Error, Final]
        assert [event.utterance for event in results] == [1, 2, 3]
        assert [(error.code, error.fatal) for error in harmed.received(Error)] == [("dead_lettered", False)]
        assert texts_match(harmed)
        for other in others:
            assert other.utterances == [1, 2]
            assert other.received(Error) == []
            assert texts_match(other)
        assert (await run_nova("dead", "list", "--json", redis_url=system.redis_url)).count('"reason"') == 1

        worker.environment = {**worker.environment, "POISON_SECONDS": ""}
        assert worker.process is not None
        worker.process.kill()
        await run_nova("dead", "replay", "--all", redis_url=system.redis_url)
        late = await late_final(system.redis_url, harmed.session)
        assert (late.utterance, late.late) == (2, True)
        assert late.text == transcript(harmed.audio_of(late))


async def run_nova(*arguments: str, redis_url: str) -> str:
    """The output of a `nova` command that succeeds."""
    done = await asyncio.to_thread(nova, *arguments, "--redis-url", redis_url)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def late_final(redis_url: str, session: str) -> Final:
    """The final that appears in the session log after its dead letter was replayed."""
    settings = ServiceSettings(REDIS_URL=redis_url)
    async with connect(settings) as redis, asyncio.timeout(15):
        streams = RedisJobStreams(redis, settings)
        while True:
            async for live in read_log(redis, streams.shard(session), session, "0-0"):
                if isinstance(live.event, Final) and live.event.late:
                    return live.event
            await asyncio.sleep(0.1)
