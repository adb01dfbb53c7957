"""Random histories of sessions on two gateways never exceed a quota, and never count less audio than was used."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backend.streams.access.api_keys import QuotaLimits
from backend.streams.access.quota import SLOT_TTL_S, Quota
from backend.streams.names import quota_slots, quota_used
from backend.streams.redis.clients import client

CALLER = "ada"
MAX_SESSIONS, MAX_MS = 3, 60_000
LIMITS = QuotaLimits(sessions=MAX_SESSIONS, minutes_a_day=1)
HISTORIES, STEPS = 200, 50


@dataclass(eq=False)
class Held:
    """A connection that holds a session on a gateway."""

    session: str
    epoch: int
    gateway: int
    reserved_ms: int = 0


@dataclass
class Model:
    """State of the gateways, and the audio that was really used."""

    connections: list[Held] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    used_ms: int = 0
    # Gateways that have not renewed their slots since they were frozen.
    frozen: set[int] = field(default_factory=set)


class QuotaHistory(RuleBasedStateMachine):
    """Each rule is one thing that a client, a gateway or the clock does."""

    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.model = asyncio.Runner(), Model()
        self.redis = client(self.redis_url)
        self.quota = Quota(self.redis)
        self.run(self.redis.flushall())

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.runner.close()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        async def answer() -> Any:
            return await awaitable

        return self.runner.run(answer())

    def pick(self, number: int) -> list[Held]:
        """One connection, or none. Rules have no preconditions, because these would depend on the clock of Redis."""
        connections = self.model.connections
        return [connections[number % len(connections)]] if connections else []

    @rule(gateway=st.integers(0, 1))
    def start(self, gateway: int) -> None:
        session = f"s{len(self.model.epochs)}"
        self.model.epochs[session] = 0
        self.take(Held(session, 0, gateway), new=True)

    @rule(number=st.integers(0, 1_000), gateway=st.integers(0, 1))
    def resume(self, number: int, gateway: int) -> None:
        """Takes over a session, which another connection may still hold."""
        if not self.model.epochs:
            return
        session = sorted(self.model.epochs)[number % len(self.model.epochs)]
        self.model.epochs[session] += 1
        self.take(Held(session, self.model.epochs[session], gateway), new=False)

    def take(self, held: Held, *, new: bool) -> None:
        exhausted, _ = self.run(self.quota.take_slot(CALLER, LIMITS, held.session, epoch=held.epoch, new=new))
        if not exhausted:
            self.model.connections.append(held)

    @rule(number=st.integers(0, 1_000), audio_ms=st.integers(1, 30_000), block_ms=st.sampled_from([1, 10_000]))
    def speak(self, number: int, audio_ms: int, block_ms: int) -> None:
        for held in self.pick(number):
            exhausted = ""
            while held.reserved_ms < audio_ms and not exhausted:
                wanted_ms = max(block_ms, audio_ms - held.reserved_ms)
                reserved_ms, (exhausted, _) = self.run(self.quota.reserve_audio(CALLER, LIMITS, wanted_ms))
                held.reserved_ms += reserved_ms
            if not exhausted:
                held.reserved_ms -= audio_ms
                self.model.used_ms += audio_ms

    @rule(number=st.integers(0, 1_000))
    def leave(self, number: int) -> None:
        for held in self.pick(number):
            self.release(held)

    def release(self, held: Held) -> None:
        self.model.connections.remove(held)
        self.run(self.quota.release_slot(CALLER, held.session, held.reserved_ms, epoch=held.epoch))

    @rule(gateway=st.integers(0, 1))
    def crash(self, gateway: int) -> None:
        self.model.connections = [held for held in self.model.connections if held.gateway != gateway]

    @rule(gateway=st.integers(0, 1))
    def renew(self, gateway: int) -> None:
        """Connections beyond the limit end, as do those that were taken over."""
        own = [held for held in self.model.connections if held.gateway == gateway]
        for held in [held for held in own if held.epoch < self.model.epochs[held.session]]:
            own.remove(held)
            self.release(held)
        over = self.run(self.quota.renew_slots(CALLER, LIMITS, {held.session: held.epoch for held in own}))
        for held in [held for held in own if held.session in over]:
            self.release(held)
        self.model.frozen.discard(gateway)

    @rule(share=st.floats(0.1, 1.1))
    def time_passes(self, share: float) -> None:
        """Both gateways are frozen for a part of the TTL of their slots, or for longer."""
        for session in self.run(self.redis.zrange(quota_slots(CALLER), 0, -1)):
            self.run(self.redis.zincrby(quota_slots(CALLER), -1000 * SLOT_TTL_S * share, session))
        self.model.frozen |= {0, 1}

    @invariant()
    def audio_is_within_the_limit_and_counted(self) -> None:
        counted_ms = int(self.run(self.redis.hget(quota_used(CALLER), "spoken")) or 0)
        assert self.model.used_ms <= counted_ms <= MAX_MS

    @invariant()
    def live_sessions_are_within_the_limit(self) -> None:
        """A frozen gateway learns at its renewal that others took its places. Until then it may hold more sessions."""
        if not self.model.frozen:
            current = {held.session for held in self.model.connections if held.epoch == self.model.epochs[held.session]}
            assert len(current) <= MAX_SESSIONS


@pytest.mark.slow
def test_no_history_exceeds_a_quota(redis_url: str) -> None:
    QuotaHistory.redis_url = redis_url
    limits = settings(max_examples=HISTORIES, stateful_step_count=STEPS, deadline=None)
    run_state_machine_as_test(QuotaHistory, settings=limits)
