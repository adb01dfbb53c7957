"""A load run: sessions start one after another, and all speak together for a while."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from backend.load.clips import AudioClip
from backend.load.driver import drive_session
from backend.load.monologue import PreparedClip, compose, prepare
from backend.load.score import LoadLedger, Score, score
from backend.load.usage import ProcessUsage, usage, usage_between
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Start

# The name of this process in the usage table.
GENERATOR = "generator"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How much load to generate."""

    start: Start
    sessions: int = 4
    # How long all sessions speak together. Latency is measured over this time.
    seconds: float = 60.0
    # Silence between clips.
    silence_s: float = 1.5
    # Delay from one session's start to the next.
    stagger_s: float = 0.5
    # How long all sessions speak before the measured time begins.
    warm_up_s: float = 0.0
    seed: int = 0
    # Whether the recognizer returns the text of the speech. The recognizer `null` does not.
    texts: bool = True

    @property
    def lead_s(self) -> float:
        """Seconds from the start of the first session to the begin of the measured time."""
        return (self.sessions - 1) * self.stagger_s + self.warm_up_s

    @property
    def end_s(self) -> float:
        """Seconds from the start of the first session to the end of the measured time."""
        return self.lead_s + self.seconds

    def ledgers(self, clips: Sequence[PreparedClip]) -> list[LoadLedger]:
        """A ledger for each session. The same plan and the same clips give the same speech."""
        frame = len(clips[0].frames[0]) // 2
        ledgers = []
        for i in range(self.sessions):
            rng = Random(f"{self.seed} {i}")
            monologue = compose(clips, frame, self.end_s - i * self.stagger_s, self.silence_s, rng)
            ledgers.append(LoadLedger(monologue.frames, monologue=monologue))
        return ledgers


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The figures of a run. `usage` is by process name, over the whole run of `seconds`."""

    score: Score
    usage: dict[str, ProcessUsage]
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """The system under load: the stream URLs of its gateways, and an API key for them.

    `processes` returns the ids of the local processes whose usage is measured, by name.
    """

    urls: Sequence[str]
    processes: Callable[[], Mapping[str, int]]
    key: str = ""

    def urls_for(self, session: int) -> list[str]:
        """All URLs, rotated so that sessions are spread evenly over the gateways."""
        turn = session % len(self.urls)
        return [*self.urls[turn:], *self.urls[:turn]]

    def usage(self) -> dict[str, ProcessUsage]:
        """The usage of the watched processes and of this one."""
        return usage({**self.processes(), GENERATOR: os.getpid()})


def prepare_clips(clips: Sequence[AudioClip], frame_ms: int) -> list[PreparedClip]:
    """Decode clips and split them into frames. Raises SetupError when one cannot be decoded."""
    return [prepare(clip, clip.pcm(), frame_ms * SAMPLE_RATE // 1000) for clip in clips]


async def run_load(plan: LoadPlan, target: LoadTarget, clips: Sequence[PreparedClip]) -> LoadResult:
    """Run the sessions of a plan against a system. `clips` must not be empty and must have the same frame length."""
    ledgers = plan.ledgers(clips)
    before, clock = target.usage(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for i, ledger in enumerate(ledgers):
            tasks.create_task(
                drive_session(
                    target.urls_for(i), plan.start, ledger, key=target.key, clock=clock, begin_s=i * plan.stagger_s
                )
            )
    used = usage_between(before, target.usage())
    took_s = time.monotonic() - clock
    return LoadResult(score(ledgers, plan.lead_s, plan.end_s, texts=plan.texts), used, took_s)
