"""Events of utterances in the order of the utterances. Pure."""

from collections import deque
from collections.abc import Iterator

from backend.messages.protocol import Message, Partial


class UtteranceOrder:
    """Holds events of an utterance back until the one before is settled.

    A session may send partials of an utterance before the final of the last one. Protocols with one text at a time
    cannot show that.
    """

    def __init__(self) -> None:
        # The events that wait, by utterance.
        self._waiting: dict[int, deque[Message]] = {}

    @property
    def last(self) -> int | None:
        """The latest utterance that is not settled."""
        return next(reversed(self._waiting), None)

    @property
    def first(self) -> int | None:
        """The earliest utterance that is not settled."""
        return next(iter(self._waiting), None)

    def open(self, utterance: int) -> None:
        """An utterance begins."""
        self._waiting[utterance] = deque()

    def settle(self, utterance: int) -> None:
        """An utterance is complete, so the next one may follow."""
        self._waiting.pop(utterance, None)

    def in_order(self, utterance: int, event: Message) -> Iterator[Message]:
        """Add an event of an utterance. Yields those that are due; `settle` may be called in between.

        Events of settled utterances are dropped. A partial replaces one that waits.
        """
        waiting = self._waiting.get(utterance, deque[Message]())
        if waiting and isinstance(event, Partial) and isinstance(waiting[-1], Partial):
            waiting.pop()
        waiting.append(event)
        yield from self.due()

    def due(self) -> Iterator[Message]:
        """The events of the first utterance; `settle` may be called in between."""
        while self._waiting and (due := next(iter(self._waiting.values()))):
            yield due.popleft()
