"""Measures the time from an utterance's endpoint until its final is sent."""

import time

import structlog

from backend.messages.protocol import Final
from gateway import metrics
from gateway.connection.observers.observer import SessionObserver
from gateway.protocols import ProtocolName
from gateway.session.actions import Action, CloseUtterance, SendEvent, SubmitFinal

log = structlog.get_logger()


class FinalLatency(SessionObserver):
    """Final latencies of one session. Those of recordings, which wait for live speech, are logged only."""

    def __init__(self, protocol: ProtocolName, *, is_live: bool = True) -> None:
        self._finals = metrics.FINALS.labels(protocol)
        self._latency = metrics.FINAL_LATENCY.labels(protocol) if is_live else None
        # Monotonic time of the endpoint, by utterance.
        self._ended_at: dict[int, float] = {}

    def on_action(self, action: Action) -> None:
        match action:
            case CloseUtterance(utterance):
                self._ended_at[utterance] = time.monotonic()
            case SubmitFinal(job, early=False):
                self._ended_at[job.utterance] = time.monotonic()
            case SendEvent(Final(utterance=utterance)):
                self._record_final(utterance)

    def _record_final(self, utterance: int) -> None:
        self._finals.inc()
        # Finals of an earlier connection's utterances have no endpoint here.
        if (ended_at := self._ended_at.pop(utterance, None)) is not None:
            waited_s = time.monotonic() - ended_at
            if self._latency:
                self._latency.observe(waited_s)
            log.info("final_delivered", utterance=utterance, duration_ms=round(1000 * waited_s))
