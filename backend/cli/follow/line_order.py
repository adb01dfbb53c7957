"""Brings the lines of a room into the order of their speech: a translation may arrive before that of an earlier line.

Pure.
"""

import re
from collections.abc import Iterable

from backend.messages.rooms.captions import Caption

_NUMBER = re.compile("[0-9]{1,18}")
# Seconds for which a line waits for those before it.
MAX_WAIT_S = 5.0


class LineOrder:
    """The final captions of one room. A line is its session and the number of the utterance: "5b1f0c2d9e7a-3".

    Each utterance of a session has a final caption, also if it has no words. Only its first one counts: lines that were
    shown cannot be corrected.
    """

    def __init__(self) -> None:
        self._session = ""
        self._next: int | None = None
        self._waiting: dict[int, tuple[float, Caption]] = {}

    def apply(self, caption: Caption, now: float) -> list[Caption]:
        """Apply a final caption. Returns the captions that may be shown, in order."""
        session, _, number = caption.line.rpartition("-")
        if not _NUMBER.fullmatch(number):
            return [caption]
        if caption.corrected and session != self._session:
            return []
        before = [] if session == self._session else self._begin(session, int(number))
        if self._next is not None and int(number) >= self._next:
            self._waiting.setdefault(int(number), (now + MAX_WAIT_S, caption))
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

    def _begin(self, session: str, number: int) -> list[Caption]:
        """Another session continues the room, with any number. Returns the rest of the one before it."""
        rest = self.flush()
        self._session, self._next = session, number
        return rest


def _with_text(captions: Iterable[Caption]) -> list[Caption]:
    return [caption for caption in captions if caption.text]
