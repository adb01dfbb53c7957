"""Converts the events of a session to the captions of its room. Pure."""

from hashlib import sha256

from backend.messages.protocol import Error, Final, Message, Notice, Partial, SpeakersMerged, Translation
from backend.messages.rooms.captions import Caption


class CaptionBuilder:
    """The captions of one session."""

    def __init__(self, session: str, last_final: int = 0, speaker: str | None = None) -> None:
        """`last_final`: the last utterance that has a final. `speaker`: whose speech it is, if finals do not say."""
        # The id of the session is not for readers.
        self.line_prefix = sha256(session.encode()).hexdigest()[:12]
        self._last_final, self._speaker = last_final, speaker
        # Labels that are renamed with the next final.
        self._merged: dict[str, str] = {}
        # Text in progress of lines without a final, by utterance and the language of a translation, or "".
        self._open: dict[tuple[int, str], Caption] = {}

    def caption(self, event: Message) -> Caption | None:
        """The caption for an event, or None if readers do not see it."""
        if caption := self._caption(event):
            self._note_open(caption)
        return caption

    def withdrawn(self) -> list[Caption]:
        """Captions that remove the lines in progress: their finals are not for this room."""
        texts, self._open = self._open.values(), {}
        return [text.model_copy(update={"text": ""}) for text in texts]

    def _note_open(self, caption: Caption) -> None:
        utterance = int(caption.line.rpartition("-")[2])
        if not caption.is_final:
            self._open[utterance, caption.language if caption.is_translation else ""] = caption
        self._open = {key: text for key, text in self._open.items() if key[0] > self._last_final}

    def _caption(self, event: Message) -> Caption | None:
        match event:
            case Partial():
                text = event.committed + event.tentative
                return self._spoken(event, text)
            case Final():
                return self._final(event)
            case SpeakersMerged():
                self._merged[event.merged] = event.speaker
            case Translation():
                return self._translation(event.utterance, event.language, event.text, is_final=event.is_final)
            case Notice(utterance=int() as utterance, language=str() as language):
                return self._missing(utterance, language)
            case Error(utterance=int() as utterance):
                return self._failed(utterance, event.language or "")
        return None

    def _final(self, event: Final) -> Caption:
        self._last_final = max(self._last_final, event.utterance)
        merged, self._merged = self._merged or None, {}
        speaker = event.speaker or self._speaker
        final = {"is_final": True, "speaker": speaker, "translate_to": event.translate_to}
        return self._spoken(event, event.text).model_copy(update={**final, "merged_speakers": merged})

    def _spoken(self, event: Partial | Final, text: str) -> Caption:
        return Caption(
            line=self._line(event.utterance),
            text=text,
            language=event.language,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
        )

    def _translation(self, utterance: int, language: str, text: str, *, is_final: bool) -> Caption:
        return Caption(line=self._line(utterance), text=text, language=language, is_translation=True, is_final=is_final)

    def _missing(self, utterance: int, language: str) -> Caption:
        caption = self._translation(utterance, language, "", is_final=True)
        return caption.model_copy(update={"is_missing": True})

    def _failed(self, utterance: int, language: str) -> Caption:
        """An error in place of a final removes the line. One about translations leaves the text as it was spoken."""
        if utterance <= self._last_final:
            return self._missing(utterance, language)
        self._last_final = utterance
        return Caption(line=self._line(utterance), text="", language="", is_final=True)

    def _line(self, utterance: int) -> str:
        return f"{self.line_prefix}-{utterance}"
