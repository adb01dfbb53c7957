"""Measures how soon captions appear, and how many of their words are replaced later."""

import time
from collections.abc import Callable
from itertools import takewhile

from backend.messages.protocol import Final, Partial, SpeechStarted
from backend.text.edits import erased
from backend.text.normalize import normalized_words
from gateway import metrics
from gateway.connection.observers.observer import SessionObserver
from gateway.session.actions import Action, SendEvent


class CaptionMetrics(SessionObserver):
    """Captions of one session, from detected speech to the final."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Start times of utterances whose first words have not been sent.
        self._started_at: dict[int, float] = {}
        # The visible text of utterances without a final.
        self._texts: dict[int, str] = {}

    def on_action(self, action: Action) -> None:
        match action:
            case SendEvent(SpeechStarted(utterance=utterance)):
                self._started_at[utterance] = self._clock()
            case SendEvent(Partial() as partial):
                self._record_partial(partial)
            case SendEvent(Final() as final):
                self._record_final(final)

    def _record_partial(self, partial: Partial) -> None:
        text = partial.committed + partial.tentative
        if text and (started_at := self._started_at.pop(partial.utterance, None)) is not None:
            metrics.FIRST_PARTIAL.observe(self._clock() - started_at)
        self._count_erased(partial.utterance, text, partial.language)
        self._texts[partial.utterance] = text

    def _record_final(self, final: Final) -> None:
        self._started_at.pop(final.utterance, None)
        if final.utterance in self._texts:
            self._count_erased(final.utterance, final.text, final.language)
            metrics.SHOWN.inc(len(normalized_words(final.text, final.language)))
            del self._texts[final.utterance]

    def _count_erased(self, utterance: int, text: str, language: str) -> None:
        before = self._texts.get(utterance, "")
        # Most of a text is unchanged, and normalizing is slow: compare from the first word that differs.
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(before, text, strict=False))
        differs = before.rfind(" ", 0, sum(1 for _ in alike)) + 1
        metrics.ERASED.inc(erased(before[differs:], text[differs:], language))
