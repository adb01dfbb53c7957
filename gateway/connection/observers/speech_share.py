"""Feeds the registry's speech meter, from which admission computes the load."""

import time

from backend.messages.protocol import SpeechEnded, SpeechStarted
from gateway.access.registry import SpeechMeter
from gateway.connection.observers.observer import SessionObserver
from gateway.session.actions import Action, SendEvent
from gateway.session.session import Session

# A live client may be this far ahead of real time: after a lost connection it sends audio again.
MAX_AHEAD_MS = 5_000


class SpeechShare(SessionObserver):
    """Records when a live session speaks.

    A file arrives faster than real time. It uses only idle time of the workers, so it does not count as load.
    """

    def __init__(self, session: Session, meter: SpeechMeter) -> None:
        self._session, self._meter = session, meter
        self._started_at, self._start_ms = time.monotonic(), session.audio_ms

    def on_action(self, action: Action) -> None:
        match action:
            case SendEvent(SpeechStarted()):
                self._meter.set_speaking(self._is_live())
            case SendEvent(SpeechEnded()):
                self._meter.set_speaking(False)

    def _is_live(self) -> bool:
        elapsed_ms = 1000 * (time.monotonic() - self._started_at)
        return self._session.audio_ms - self._start_ms <= elapsed_ms + MAX_AHEAD_MS
