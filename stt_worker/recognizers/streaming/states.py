"""The states of recent utterances. A state may be dropped at any time: the audio of the job makes it again. Pure."""

import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")

# Utterances with a state. One has a few megabytes.
MAX_STATES = 64


@dataclass(frozen=True, slots=True)
class KeptState(Generic[State]):
    """A state, and the audio that it has processed."""

    state: State
    samples: int
    checksum: int


class StateCache(Generic[State]):
    """The latest states of a worker, by utterance."""

    def __init__(self, limit: int = MAX_STATES) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, KeptState[State]] = OrderedDict()

    def take(self, utterance: str, samples: NDArray[np.float32]) -> tuple[State, int] | None:
        """Remove and return the state of an utterance, and how many of the samples it has processed.

        None if there is none, or if it has processed other audio: the noise was reduced, or the end was cut.
        """
        kept = self._kept.pop(utterance, None)
        if kept is None or kept.samples > len(samples) or kept.checksum != _checksum(samples[: kept.samples]):
            return None
        return kept.state, kept.samples

    def keep(self, utterance: str, samples: NDArray[np.float32], state: State) -> None:
        """Keep the state that has processed these samples, in place of the oldest one if there are too many."""
        self._kept[utterance] = KeptState(state, len(samples), _checksum(samples))
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)


def _checksum(samples: NDArray[np.float32]) -> int:
    return zlib.crc32(samples.tobytes())
