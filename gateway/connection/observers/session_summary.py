"""Logs one line about a connection's time with its session."""

import time

import structlog

from gateway.connection.observers.observer import SessionObserver
from gateway.session.session import Session

log = structlog.get_logger()


class SessionSummary(SessionObserver):
    """The log line at the end of a connection."""

    def __init__(self, session: Session) -> None:
        self._session, self._started_at = session, time.monotonic()

    def on_close(self) -> None:
        session, duration_ms = self._session, round(1000 * (time.monotonic() - self._started_at))
        log.info("session_left", duration_ms=duration_ms, audio_ms=session.audio_ms, state=session.state)
