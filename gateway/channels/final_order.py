"""One transcript of several channels: their finals in the order of their start times. Pure."""

from collections import deque
from collections.abc import Sequence

from backend.messages.protocol import Error, Final, Message, Notice, Translation


class FinalOrder:
    """Holds results back until no other channel can have a final that begins earlier.

    A channel's frontier is the earliest position at which its next final can begin: the start of its first utterance
    without a result, or of the audio in which an utterance may still begin. Results of one channel keep their order.
    """

    def __init__(self, channels: int) -> None:
        self._waiting: list[deque[Message]] = [deque() for _ in range(channels)]

    @property
    def count(self) -> int:
        """Results that wait."""
        return sum(map(len, self._waiting))

    def add(self, channel: int, event: Message) -> bool:
        """Hold an event back, if it is a result. Returns False for others, which are sent at once."""
        if not is_result(event):
            return False
        self._waiting[channel].append(event)
        return True

    def take(self, frontiers: Sequence[float]) -> list[tuple[int, Message]]:
        """The results that may be sent now, each with its channel. `frontiers` are milliseconds."""
        taken: list[tuple[int, Message]] = []
        while (channel := self._next(frontiers)) is not None:
            taken.append((channel, self._waiting[channel].popleft()))
        return taken

    def _next(self, frontiers: Sequence[float]) -> int | None:
        """The channel whose first result may be sent."""
        heads = {channel: _start_ms(waiting[0]) for channel, waiting in enumerate(self._waiting) if waiting}
        if not heads:
            return None
        first = min(heads, key=heads.__getitem__)
        # Of the channels with a waiting result, none has an earlier one.
        others = (frontier for channel, frontier in enumerate(frontiers) if channel not in heads)
        return first if all(heads[first] <= frontier for frontier in others) else None


def is_result(event: Message) -> bool:
    """Whether an event is a result of an utterance, or in the place of one."""
    match event:
        case Final() | Translation(is_final=True) | Error(utterance=int()) | Notice(utterance=int(), language=str()):
            return True
    return False


def _start_ms(event: Message) -> float:
    """The position of a result. All but finals follow one, or name no position, so they do not wait."""
    return event.start_ms if isinstance(event, Final) else -1
