"""The turn in progress of a Flux connection. Pure."""

from collections import Counter
from typing import Any

from backend.messages.protocol import EarlyFinal, Final, Partial, Word
from backend.text.writing_systems import join_texts


class FluxTurn:
    """The finals of a turn, and the text of its utterance in progress."""

    def __init__(self, index: int) -> None:
        self.index = index
        # Whether the client knows of it.
        self.is_started = False
        # The text of an `EagerEndOfTurn` that is in force.
        self.eager_text: str | None = None
        # End of the last settled utterance.
        self.silent_from_ms: int | None = None
        self._finals: list[Final] = []
        self._text, self._words, self._language = "", tuple[Word, ...](), ""
        self._start_ms: int | None = None
        self._end_ms = 0

    @property
    def text(self) -> str:
        return join_texts([*(final.text for final in self._finals), self._text])

    @property
    def languages(self) -> list[str]:
        """The languages of the turn, the one with most words first."""
        words = Counter({self._language: len(self._words) or 1} if self._language else {})
        for final in self._finals:
            words[final.language] += len(final.words or ()) or 1
        return [language for language, _ in words.most_common()]

    def apply_partial(self, partial: Partial) -> bool:
        """Show another text of the utterance in progress. Return whether there is one."""
        self._show(partial.committed + partial.tentative, partial.words, partial)
        return bool(self._text) or self.is_started

    def apply_early_final(self, early: EarlyFinal) -> None:
        """The utterance in progress may be over."""
        self._show(early.text, early.words, early)
        self.eager_text = self.text

    def add(self, final: Final) -> None:
        """An utterance of the turn is over."""
        self.drop_open()
        self._extend(final)
        if final.text:
            self._finals.append(final)

    def drop_open(self) -> None:
        """There is no utterance in progress."""
        self._text, self._words, self._language = "", (), ""

    def fields(self) -> dict[str, Any]:
        """The fields of a `TurnInfo` that describe the turn. Times are seconds."""
        words = [word for final in self._finals for word in final.words or ()]
        return {
            "turn_index": self.index,
            "audio_window_start": (self._start_ms or 0) / 1000,
            "audio_window_end": self._end_ms / 1000,
            "transcript": self.text,
            "words": [
                {
                    "word": word.word.strip(),
                    "confidence": round(word.confidence, 4),
                    "start": word.start_ms / 1000,
                    "end": word.end_ms / 1000,
                }
                for word in [*words, *self._words]
            ],
        }

    def _show(self, text: str, words: tuple[Word, ...] | None, event: Partial | EarlyFinal) -> None:
        self._text, self._words, self._language = text, words or (), event.language if text else ""
        self._extend(event)

    def _extend(self, event: Partial | EarlyFinal | Final) -> None:
        if self._start_ms is None:
            self._start_ms = event.start_ms
        self._end_ms = max(self._end_ms, event.end_ms)
