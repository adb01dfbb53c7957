"""What a reader sees: how soon the first words come, and how many are taken back again. For metrics only."""

from __future__ import annotations

from itertools import takewhile

from backend.messages.protocol import Final, Message, Partial, SpeechStarted
from backend.text.edits import erased
from backend.text.normalize import normalized_words
from gateway import metrics


class CaptionMetrics:
    """One client's utterances, from the first notice of speech to the final."""

    def __init__(self) -> None:
        self._began: dict[int, float] = {}
        self._texts: dict[int, str] = {}

    def note(self, event: Message, now: float) -> None:
        """Count what this event changes on the screen; `now` by any clock."""
        match event:
            case SpeechStarted(utterance=utterance):
                self._began[utterance] = now
            case Partial(utterance=utterance):
                text = event.committed + event.tentative
                if text and (began := self._began.pop(utterance, None)) is not None:
                    metrics.FIRST_PARTIAL.observe(now - began)
                self._replace(utterance, text, event.language)
                self._texts[utterance] = text
            case Final(utterance=utterance):
                self._began.pop(utterance, None)
                if utterance in self._texts:
                    self._replace(utterance, event.text, event.language)
                    metrics.SHOWN.inc(len(normalized_words(event.text, event.language)))
                    del self._texts[utterance]

    def _replace(self, utterance: int, text: str, language: str) -> None:
        before = self._texts.get(utterance, "")
        # Most of a text has not changed, and to take words apart costs: only from the first word that differs on.
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(before, text, strict=False))
        differs = before.rfind(" ", 0, sum(1 for _ in alike)) + 1
        metrics.ERASED.inc(erased(before[differs:], text[differs:], language))
