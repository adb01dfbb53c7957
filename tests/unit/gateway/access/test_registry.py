"""The registry of open sessions."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway.access.auth import ANONYMOUS
from gateway.access.registry import INITIAL_SPEECH_SHARE, OpenSession, SessionRegistry
from tests.testkit.streams.virtual_time import virtual_time


def test_sessions_count_while_they_are_registered() -> None:
    registry = SessionRegistry()
    with registry.registered(OpenSession("a", ANONYMOUS)), registry.registered(OpenSession("b", ANONYMOUS)):
        assert sorted(entry.id for entry in registry) == ["a", "b"]
    assert len(registry) == 0


def test_a_session_counts_as_speech_from_its_first_word() -> None:
    registry, entry = SessionRegistry(), OpenSession("a", ANONYMOUS)
    with registry.registered(entry):
        entry.speech.set_speaking(False)
        assert registry.speech_share() == 0.0
        entry.speech.set_speaking(True)
        assert registry.speech_share() >= INITIAL_SPEECH_SHARE
    assert registry.speech_share() == 0.0


@given(st.lists(st.tuples(st.integers(0, 1_000), st.booleans())))
def test_audio_is_counted_once_even_if_recording_it_fails(steps: list[tuple[int, bool]]) -> None:
    entry, recorded_ms = OpenSession("a", ANONYMOUS), 0
    for received_ms, is_recorded in steps:
        entry.audio_ms += received_ms
        uncounted_ms = entry.take_uncounted_ms()
        if is_recorded:
            recorded_ms += uncounted_ms
        else:
            entry.return_uncounted_ms(uncounted_ms)
    assert recorded_ms + entry.take_uncounted_ms() == entry.audio_ms


@virtual_time
async def test_a_drain_ends_with_the_last_session() -> None:
    registry = SessionRegistry()
    with registry.registered(OpenSession("a", ANONYMOUS)):
        draining = asyncio.create_task(registry.drain(20))
        await asyncio.sleep(5)
        assert (registry.draining, registry.closing, draining.done()) == (True, False, False)
    await draining
    assert asyncio.get_running_loop().time() == 5


@virtual_time
async def test_a_drain_does_not_wait_longer_than_its_time() -> None:
    registry = SessionRegistry()
    with registry.registered(OpenSession("a", ANONYMOUS)):
        await registry.drain(20)
        assert registry.closing
    assert 20 < asyncio.get_running_loop().time() < 25
