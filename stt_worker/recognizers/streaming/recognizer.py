"""A `Recognizer` on top of a model that decodes incrementally."""

from collections.abc import Collection, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from backend.service import tracing
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.streaming.states import MAX_STATES, StateCache

State = TypeVar("State")


class StreamingModel(Protocol[State]):
    """A model that keeps a state for each utterance. It is called from one thread.

    The hypothesis must depend on the audio alone, and not on how it was divided into pieces. The other attributes are
    those of a `Recognizer`.
    """

    engine: str
    model: str
    device: str
    compute_type: str
    languages: Collection[str] | None
    measures_words: bool
    uses_hotwords: bool

    def begin(self, speech: Speech) -> State:
        """The state before the first sample of an utterance."""

    def accept(self, states: Sequence[State], pieces: Sequence[NDArray[np.float32]], finished: Sequence[bool]) -> None:
        """Let each state process its samples [n], 16 kHz. `finished`: no more samples follow, so all are decoded."""

    def hypothesis(self, state: State, speech: Speech) -> Hypothesis:
        """The text of all samples that a state has processed, which are those of the speech."""


class StreamingRecognizer(Generic[State]):
    """Decodes only the audio that is new since the last preview of an utterance.

    Jobs carry the audio of the utterance so far. So a worker without the state makes it again, with the same text.
    """

    overlap = parallel_batches = 1
    continues_drafts = False
    translates = False
    uses_prompts = False

    def __init__(self, model: StreamingModel[State], max_states: int = MAX_STATES) -> None:
        self._model = model
        self._states = StateCache[State](max_states)
        self.engine, self.model = model.engine, model.model
        self.device, self.compute_type = model.device, model.compute_type
        self.languages, self.measures_words = model.languages, model.measures_words
        self.uses_hotwords = model.uses_hotwords

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Return one hypothesis for each piece of audio, in order."""
        begun = [self._kept(one) or (self._model.begin(one), 0) for one in batch]
        states = [state for state, _ in begun]
        rests = [one.samples[done:] for one, (_, done) in zip(batch, begun, strict=True)]
        with tracing.stage("decode", batch):
            self._model.accept(states, rests, [one.final for one in batch])
        for one, state in zip(batch, states, strict=True):
            if one.utterance and not one.final:
                self._states.keep(one.utterance, one.samples, _options(one), state)
        return [self._model.hypothesis(state, one) for state, one in zip(states, batch, strict=True)]

    def _kept(self, speech: Speech) -> tuple[State, int] | None:
        return self._states.take(speech.utterance, speech.samples, _options(speech))


def _options(speech: Speech) -> Hashable:
    """Options that `begin` may use. A session can change them within an utterance."""
    return speech.hotwords, speech.language, speech.allowed
