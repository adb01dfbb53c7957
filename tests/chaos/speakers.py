"""Sessions that speak in real time for as long as one likes, and keep account of what they said and heard."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.client.client import Client
from backend.errors import NovaError
from backend.messages.protocol import Final, Start
from backend.service.settings import ServiceSettings
from backend.streams.names import shard_of
from backend.streams.redis.connection import connect, retry_until_available
from backend.streams.session.log import read_log
from tests.chaos.ledger import FRAME, RATE, Account
from tests.paths import SHARED
from tests.testkit.audio.clips import shared_clips, spoken_clips

GRACE_S = 120.0
"""For the last finals, behind the last word."""


def voices(count: int, seconds: float, language: str, seed: int) -> list[NDArray[np.int16]]:
    """What each session is to say: [n], 16 kHz mono. The same for the same seed."""
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        clips = shared_clips(SHARED) if SHARED.is_dir() else spoken_clips(Path(directory))
        spoken = [clip.pcm() for clip in clips if clip.language == language] or [clip.pcm() for clip in clips]
    return [_monologue(spoken, seconds, np.random.default_rng((seed, number))) for number in range(count)]


def _monologue(clips: list[NDArray[np.int16]], seconds: float, dice: np.random.Generator) -> NDArray[np.int16]:
    """Clips with one or two seconds between them, under a hiss that is the session's own: no two sound alike."""
    length = round(seconds * RATE)
    said = np.zeros(0, np.int16)
    while len(said) < length:
        silence = np.zeros(round(RATE * dice.uniform(1, 2)), np.int16)
        said = np.concatenate([said, clips[int(dice.integers(len(clips)))], silence])
    hiss = dice.integers(-2, 3, length, dtype=np.int32)
    heard: NDArray[np.int16] = np.clip(said[:length] + hiss, -32_768, 32_767).astype(np.int16)
    return heard


async def converse(urls: Sequence[str], sent: NDArray[np.int16], start: Start) -> Account:
    """One session in real time, from its first word to `done`; what ends it otherwise stands in its account."""
    account = Account(sent)
    began = time.monotonic()

    async def talk(client: Client) -> None:
        for at in range(0, len(sent), FRAME):
            await asyncio.sleep(began + at / RATE - time.monotonic())
            await client.send(sent[at : at + FRAME].tobytes())
            account.sent_at.append(time.monotonic() - began)
        await client.stop()

    try:
        async with (
            asyncio.timeout(len(sent) / RATE + GRACE_S),
            Client.connect(urls, start) as client,
            asyncio.TaskGroup() as tasks,
        ):
            account.session = client.ready.session
            tasks.create_task(talk(client))
            async for event in client:
                account.events.append((time.monotonic() - began, event))
                account.resumes = client.reconnects
    except* (NovaError, OSError) as trouble:
        account.ended = repr(trouble.exceptions[0])
    return account


async def logged(redis_url: str, account: Account, shards: int) -> list[int]:
    """Utterances of the finals in a session's durable log, in its order; none of one that was never opened."""

    async def read() -> list[int]:
        async with connect(ServiceSettings(REDIS_URL=redis_url)) as redis:
            log = read_log(redis, shard_of(account.session, shards), account.session, "0-0")
            return [live.event.utterance async for live in log if isinstance(live.event, Final)]

    return await retry_until_available(read)
