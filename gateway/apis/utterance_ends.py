"""Where the utterances of a connection end. Pure."""

from typing import NamedTuple

from backend.messages.protocol import SpeechEnded, SpeechStarted


class UtteranceEnd(NamedTuple):
    """The end of an utterance in the session's audio, and whether the next one continues it without a pause."""

    end_ms: int
    is_cut: bool


class UtteranceEnds:
    """The ends of utterances whose finals are awaited.

    A long utterance is cut into several, which native clients see by their positions only.
    """

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        self._cut: set[int] = set()

    @property
    def last(self) -> int | None:
        """The latest utterance that has ended and awaits its final."""
        return max(self._ends, default=None)

    def begin(self, event: SpeechStarted) -> None:
        """An utterance begins, perhaps where another one was cut."""
        self._cut |= {number for number, end_ms in self._ends.items() if end_ms == event.start_ms}

    def end(self, event: SpeechEnded) -> None:
        """An utterance ends, and awaits its final."""
        self._ends[event.utterance] = event.end_ms

    def settle(self, utterance: int) -> UtteranceEnd:
        """Forget an utterance that has its final, or will have none. Return its end; 0 if that is unknown."""
        end = UtteranceEnd(self._ends.pop(utterance, 0), utterance in self._cut)
        self._cut.discard(utterance)
        return end
