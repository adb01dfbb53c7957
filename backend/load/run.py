"""A run: sessions that come one after the other, and all speak together for a while."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from backend.load.clips import Clip
from backend.load.monologue import Take, compose, take
from backend.load.score import Score, score
from backend.load.talk import talk
from backend.load.usage import Usage, spent, usage
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Start

GENERATOR = "generator"
"""The name of this process among those that are watched."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a system."""

    start: Start
    sessions: int = 4
    seconds: float = 60.0
    """For how long all speak together: the time that counts."""
    silence_s: float = 1.5
    """Between clips."""
    stagger_s: float = 0.5
    """From one session's beginning to the next."""
    warm_up_s: float = 0.0
    """For how long all speak before it counts."""
    seed: int = 0
    texts: bool = True
    """Whether what comes is the text of what was said."""

    @property
    def lead_s(self) -> float:
        """From the first session's beginning until it counts."""
        return (self.sessions - 1) * self.stagger_s + self.warm_up_s


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    score: Score
    usage: dict[str, Usage]
    """By process, over the whole run."""


def takes(clips: Sequence[Clip], frame_ms: int) -> list[Take]:
    """The clips, ready to be sent. Raises SetupError when one cannot be decoded."""
    return [take(clip, clip.pcm(), frame_ms * SAMPLE_RATE // 1000) for clip in clips]


async def put(
    load: Load, urls: Sequence[str], said: Sequence[Take], processes: Callable[[], Mapping[str, int]], key: str = ""
) -> Outcome:
    """Put the load on a system, whose gateways the sessions take in turn.

    `said` are not empty, and all cut into the same frames. `processes` answers the ids of those to be watched, by name.
    """
    frame = len(said[0].frames[0]) // 2
    all_s = load.lead_s + load.seconds
    monologues = [
        compose(said, frame, all_s - i * load.stagger_s, load.silence_s, Random(f"{load.seed} {i}"))
        for i in range(load.sessions)
    ]
    before = usage({**processes(), GENERATOR: os.getpid()})
    clock = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        talks = [
            tasks.create_task(talk(_from(urls, i), monologue, load.start, clock, i * load.stagger_s, key))
            for i, monologue in enumerate(monologues)
        ]
    taken = spent(before, usage({**processes(), GENERATOR: os.getpid()}))
    accounts = [one.result() for one in talks]
    return Outcome(score(accounts, load.lead_s, all_s, texts=load.texts), taken)


def _from(urls: Sequence[str], number: int) -> list[str]:
    """All of them, this session's own first."""
    turn = number % len(urls)
    return [*urls[turn:], *urls[:turn]]
