"""The verdict on each kind of message in each state, and the mistakes of a client that are tolerated. Pure.

A mistake must not cost speech: a message that cannot be used is ignored, or answered with an `error` that is not
fatal. Only a connection that makes mistakes without end is closed, because each of them costs time and an event.
"""

from collections.abc import Mapping
from typing import Literal

from backend.errors import ProtocolError

State = Literal["new", "open", "stopping", "done"]
# "error": an `error` that is not fatal. "once": the first time an `error` that is not fatal, later ignored.
Verdict = Literal["accept", "ignore", "error", "once", "fatal"]

# By state and message type, or "audio". The same table is in the protocol reference; a test compares them.
VERDICTS: Mapping[State, Mapping[str, Verdict]] = {
    # Nothing has been said yet, and connections without a session must not last.
    "new": {
        "start": "accept",
        "resume": "accept",
        "audio": "fatal",
        "configure": "fatal",
        "finalize": "fatal",
        "clear": "fatal",
        "keepalive": "fatal",
        "stop": "fatal",
    },
    "open": {
        "start": "error",
        "resume": "error",
        "audio": "accept",
        "configure": "accept",
        "finalize": "accept",
        "clear": "accept",
        "keepalive": "accept",
        "stop": "accept",
    },
    # Recorders often deliver a last frame after `stop`, and a client that sends on would get an error for each frame.
    "stopping": {
        "start": "error",
        "resume": "error",
        "audio": "once",
        "configure": "once",
        "finalize": "ignore",
        "clear": "ignore",
        "keepalive": "accept",
        "stop": "ignore",
    },
    # The close frame is on its way.
    "done": dict.fromkeys(
        ("start", "resume", "audio", "configure", "finalize", "clear", "keepalive", "stop"), "ignore"
    ),
}


def rejection(state: State, kind: str) -> ProtocolError:
    """The error for a message of this type, or "audio", in a state that does not accept it."""
    late = "already_started" if kind in ("start", "resume") else "stopped"
    code = "not_started" if state == "new" else late
    text = f"{kind!r} is not allowed while the session is {state}"
    return ProtocolError(text, code=code, fatal=VERDICTS[state][kind] == "fatal")


class SlipAllowance:
    """Mistakes that one connection may make: a token bucket. `now` is a monotonic time in seconds."""

    # A wrong button or a form that sends each keystroke stays far below. A flood of 500 frames/s lasts 0.2 s.
    BURST, PER_S = 100.0, 1.0

    def __init__(self, now: float) -> None:
        self._left, self._at = self.BURST, now

    def spend(self, now: float) -> bool:
        """Count a mistake. Returns False if it is one too many."""
        self._left = min(self.BURST, self._left + self.PER_S * (now - self._at)) - 1
        self._at = now
        return self._left >= 0
