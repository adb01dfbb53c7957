"""The states of recent utterances. A state may be dropped at any time: the audio of the job makes it again. Pure."""

import zlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")

# Utterances with a state. One has a few megabytes.
MAX_STATES = 64


@dataclass(frozen=True, slots=True)
class KeptState(Generic[State]):
    """A state, the audio that it has processed, and the options with which it has."""

    state: State
    samples: int
    checksum: int
    options: Hashable


class StateCache(Generic[State]):
    """The latest states of a worker, by utterance."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, KeptState[State]] = OrderedDict()

    def take(self, utterance: str, samples: NDArray[np.float32], options: Hashable) -> tuple[State, int] | None:
        """Remove and return the state of an utterance, and how many of the samples it has processed.

        None if there is none, if it has processed other audio (the noise was reduced, or the end was cut), or if the
        session has changed the options since.
        """
        kept = self._kept.pop(utterance, None)
        if kept is None or kept.options != options or kept.samples > len(samples):
            return None
        return (kept.state, kept.samples) if kept.checksum == _checksum(samples[: kept.samples]) else None

    def keep(self, utterance: str, samples: NDArray[np.float32], options: Hashable, state: State) -> None:
        """Keep the state that has processed these samples, in place of the oldest one if there are too many."""
        self._kept[utterance] = KeptState(state, len(samples), _checksum(samples), options)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)


def _checksum(samples: NDArray[np.float32]) -> int:
    return zlib.crc32(samples.tobytes())
