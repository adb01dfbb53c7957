"""Observers receive what a session decides and sends."""

import time

from prometheus_client import REGISTRY

from backend.messages.protocol import Message, SpeechStarted
from gateway.access.registry import SpeechMeter
from gateway.connection.observers.final_latency import FinalLatency
from gateway.connection.observers.observer import ObserverGroup, SessionObserver
from gateway.connection.observers.speech_share import MAX_AHEAD_MS, SpeechShare
from gateway.session.actions import Action, CloseUtterance, SendEvent
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final

LATENCIES = "nova_gateway_final_latency_seconds_count"
PROTOCOL = {"protocol": "deepgram_live"}


class Recorder(SessionObserver):
    def __init__(self) -> None:
        self.calls: list[object] = []

    def on_action(self, action: Action) -> None:
        self.calls.append(action)

    def on_event_sent(self, event: Message) -> None:
        self.calls.append(event)

    def on_close(self) -> None:
        self.calls.append("close")


def test_a_group_passes_everything_on_to_every_observer() -> None:
    first, second = Recorder(), Recorder()
    group = ObserverGroup([first, SessionObserver(), second])
    action, event = CloseUtterance(1, 1, 500), SpeechStarted(utterance=1, start_ms=0)
    group.on_action(action)
    group.on_event_sent(event)
    group.on_close()
    assert first.calls == second.calls == [action, event, "close"]


def test_the_latency_of_a_final_is_measured_from_its_endpoint() -> None:
    before, latency = REGISTRY.get_sample_value(LATENCIES, PROTOCOL) or 0.0, FinalLatency("deepgram_live")
    latency.on_action(SendEvent(final(1)))
    assert REGISTRY.get_sample_value(LATENCIES, PROTOCOL) == before, "an earlier connection closed this utterance"
    latency.on_action(CloseUtterance(2, 1, 500))
    latency.on_action(SendEvent(final(2)))
    latency.on_action(SendEvent(final(2)))
    assert REGISTRY.get_sample_value(LATENCIES, PROTOCOL) == before + 1


class SessionAt(Session):
    """A session with a chosen position."""

    position_ms = 0

    @property
    def audio_ms(self) -> int:
        return self.position_ms


def test_speech_counts_only_in_real_time() -> None:
    def share_at(ahead_ms: int) -> float:
        session, meter = SessionAt("s", "c", SessionPolicy()), SpeechMeter()
        observer = SpeechShare(session, meter)
        session.position_ms = ahead_ms
        observer.on_action(SendEvent(SpeechStarted(utterance=1, start_ms=0)))
        return meter.share(time.monotonic() + 60)

    assert share_at(MAX_AHEAD_MS - 1_000) > 0.98
    assert share_at(MAX_AHEAD_MS + 60_000) < 0.02
