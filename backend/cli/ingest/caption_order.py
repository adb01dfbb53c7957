"""Brings translations into the order of their utterances. Pure."""

from dataclasses import dataclass, field

from backend.cli.files.speaker_parts import relabelled
from backend.messages.protocol import Error, Final, Notice, ServerMessage, SpeakersMerged, Translation

# Utterances that wait for a translation. The oldest one is then shown without it.
MAX_WAITING = 20


@dataclass(slots=True)
class StreamCaption:
    """An utterance and its translations so far. `missing` are the languages that may still arrive."""

    final: Final
    missing: set[str]
    translations: dict[str, str] = field(default_factory=dict)


class CaptionOrder:
    """Holds utterances back until they and all before them have their translations."""

    def __init__(self) -> None:
        self._waiting: list[StreamCaption] = []

    def apply_event(self, event: ServerMessage) -> list[StreamCaption]:
        """Apply an event. Returns the utterances that it completes, in order."""
        match event:
            case Final() if event.text:
                self._waiting.append(StreamCaption(event, set(event.translate_to)))
            case Translation(is_final=True):
                self._settle(event.utterance, event.language, event.text)
            case Error(utterance=int() as utterance) | Notice(utterance=int() as utterance, language=str()):
                self._settle(utterance, event.language, None)
            case SpeakersMerged():
                for caption in self._waiting:
                    caption.final = relabelled(caption.final, event)
        return self._completed()

    def flush(self) -> list[StreamCaption]:
        """The utterances that still wait, at the end."""
        rest, self._waiting = self._waiting, []
        return rest

    def _settle(self, utterance: int, language: str | None, text: str | None) -> None:
        for caption in self._waiting:
            if caption.final.utterance == utterance:
                if text is not None and language is not None:
                    caption.translations[language] = text
                caption.missing -= caption.missing if language is None else {language}

    def _completed(self) -> list[StreamCaption]:
        completed = []
        while self._waiting and (not self._waiting[0].missing or len(self._waiting) > MAX_WAITING):
            completed.append(self._waiting.pop(0))
        return completed
