"""One transcript of several channels: their finals in the order of their start times. Pure."""

import math
from collections import deque
from collections.abc import Sequence

from backend.messages.protocol import Error, Final, Message, Notice, SpeakersMerged, Translation


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

    def pop(self, frontiers: Sequence[float]) -> tuple[int, Message] | None:
        """Remove the next result if it may be sent now, and return it with its channel. `frontiers` are milliseconds.

        All events of a batch must be added first: the frontier of their channel is already the one after the batch.
        """
        heads = self._heads()
        if not heads or self.blocking(frontiers):
            return None
        first = min(heads, key=heads.__getitem__)
        return first, self._waiting[first].popleft()

    def blocking(self, frontiers: Sequence[float]) -> list[int]:
        """The channels that hold the next result back. Those with a result that waits have no earlier one."""
        heads = self._heads()
        start_ms = min(heads.values(), default=-math.inf)
        return [channel for channel, ms in enumerate(frontiers) if channel not in heads and ms < start_ms]

    def _heads(self) -> dict[int, float]:
        """The position of the first result of each channel that has one."""
        return {channel: _start_ms(waiting[0]) for channel, waiting in enumerate(self._waiting) if waiting}


def is_result(event: Message) -> bool:
    """Whether an event is a result of an utterance, or in the place of one."""
    match event:
        case Final() | Translation(is_final=True) | Error(utterance=int()) | Notice(utterance=int(), language=str()):
            return True
        case SpeakersMerged():
            return True  # it comes before a final, and is about the labels of earlier ones
    return False


def _start_ms(event: Message) -> float:
    """The position of a result. Others than finals have none. They wait only for results of their own channel."""
    return event.start_ms if isinstance(event, Final) else -1
