"""Brings the lines of a room into the order of their speech: a translation may arrive before that of an earlier line.

Pure.
"""

import re
from collections import deque
from collections.abc import Iterable

from backend.messages.rooms.captions import Caption

_NUMBER = re.compile("[0-9]{1,18}")
# Seconds for which a line waits for those before it.
MAX_WAIT_S = 5.0
# Earlier sessions of a room whose corrections are recognized.
MAX_SESSIONS = 64


class LineOrder:
    """The final captions of one room. A line is its session and the number of the utterance: "5b1f0c2d9e7a-3".

    Each utterance of a session has a final caption, also if it has no words. Only its first one counts, unless
    it still waits: lines that were shown cannot be corrected. A line that was corrected before readers got it is marked
    in the same way as a correction.
    """

    def __init__(self) -> None:
        self._session = ""
        self._earlier: deque[str] = deque(maxlen=MAX_SESSIONS)
        self._next: int | None = None
        self._waiting: dict[int, tuple[float, Caption]] = {}

    def apply(self, caption: Caption, now: float) -> list[Caption]:
        """Apply a final caption. Returns the captions that may be shown, in order."""
        session, _, number = caption.line.rpartition("-")
        if not _NUMBER.fullmatch(number):
            return [caption]
        if caption.corrected and session in self._earlier:
            return []
        before = [] if session == self._session else self._begin(session, int(number))
        if self._next is not None and int(number) >= self._next:
            self._wait(int(number), caption, now)
        return [*before, *self.due(now)]

    def due(self, now: float) -> list[Caption]:
        """The captions that may be shown now, because no earlier one is missing or they have waited long enough."""
        shown = []
        while self._waiting and (first := min(self._waiting)) is not None:
            if first != self._next and min(until for until, _ in self._waiting.values()) > now:
                break
            shown.append(self._waiting.pop(first)[1])
            self._next = first + 1
        return _with_text(shown)

    def wait_s(self, now: float) -> float | None:
        """Seconds until `due` has something to show, or None if nothing waits."""
        return max(min(until for until, _ in self._waiting.values()) - now, 0.0) if self._waiting else None

    def flush(self) -> list[Caption]:
        """Everything that waits, in order."""
        rest = [self._waiting[number][1] for number in sorted(self._waiting)]
        self._waiting.clear()
        return _with_text(rest)

    def _wait(self, number: int, caption: Caption, now: float) -> None:
        until, first = self._waiting.get(number, (now + MAX_WAIT_S, caption))
        self._waiting[number] = until, caption if caption.corrected else first

    def _begin(self, session: str, number: int) -> list[Caption]:
        """Another session continues the room, with any number. Returns the rest of the one before it."""
        rest = self.flush()
        if session in self._earlier:
            self._earlier.remove(session)
        if self._session:
            self._earlier.append(self._session)
        self._session, self._next = session, number
        return rest


def _with_text(captions: Iterable[Caption]) -> list[Caption]:
    return [caption for caption in captions if caption.text]
