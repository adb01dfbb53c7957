"""The registry of open sessions."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from gateway.access.auth import ANONYMOUS
from gateway.access.registry import INITIAL_SPEECH_SHARE, OpenSession, SessionRegistry
from gateway.protocols import PROTOCOLS, ProtocolName
from tests.testkit.streams.virtual_time import virtual_time


def test_sessions_count_while_they_are_registered() -> None:
    registry = SessionRegistry()
    with registry.registered(OpenSession("a", ANONYMOUS)), registry.registered(OpenSession("b", ANONYMOUS)):
        assert sorted(entry.id for entry in registry) == ["a", "b"]
    assert len(registry) == 0


def test_open_sessions_are_counted_by_protocol() -> None:
    def measured(protocol: ProtocolName) -> float | None:
        return REGISTRY.get_sample_value("nova_gateway_open_sessions", {"protocol": protocol})

    registry = SessionRegistry()
    native, live = OpenSession("a", ANONYMOUS), OpenSession("b", ANONYMOUS, "deepgram_live")
    with registry.registered(native), registry.registered(live):
        assert registry.protocols() == {"native": 1, "deepgram_live": 1}
        assert {name: measured(name) for name in PROTOCOLS} == {
            **dict.fromkeys(PROTOCOLS, 0.0),
            "native": 1.0,
            "deepgram_live": 1.0,
        }
    assert registry.protocols() == {}
    assert {measured(name) for name in PROTOCOLS} == {0.0}


def test_a_session_counts_as_speech_from_its_admission(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, now = SessionRegistry(), 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with registry.registered(OpenSession("a", ANONYMOUS)) as entry:
        assert registry.speech_share() == INITIAL_SPEECH_SHARE
        now += 60
        assert registry.speech_share() < 0.02, "a silent session"
        entry.speech.set_speaking(True)
        now += 60
        assert registry.speech_share() > 0.98
    assert registry.speech_share() == 0.0


def test_a_recording_does_not_count_as_speech() -> None:
    registry = SessionRegistry()
    recording = OpenSession("a", ANONYMOUS)
    recording.is_recording = True
    with registry.registered(recording), registry.registered(OpenSession("b", ANONYMOUS)):
        assert registry.recordings == 1
        assert registry.speech_share() <= INITIAL_SPEECH_SHARE


def test_unused_audio_is_returned_once() -> None:
    entry = OpenSession("a", ANONYMOUS)
    entry.reserved_ms = 700
    assert (entry.take_unused_ms(), entry.take_unused_ms()) == (700, 0)


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
