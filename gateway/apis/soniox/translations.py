"""The translation of the utterance in progress, as Soniox's tokens. Pure."""

from backend.messages.protocol import Final, Translation
from gateway.apis.soniox.configuration import SonioxTranslation
from gateway.apis.soniox.tokens import Token, TokenText, translated

# Utterances whose translation may still come, although it was not awaited.
MAX_SKIPPED = 64


class UtteranceTranslation:
    """The translation of one utterance at a time. `wanted` None: the session has none."""

    def __init__(self, wanted: SonioxTranslation | None) -> None:
        self._wanted = wanted
        self._texts: dict[str, TokenText] = {}
        # Targets that were reported as not served, and spoken languages that are translated nevertheless. A notice
        # about a target is sent once, and does not say for which languages.
        self._unserved: set[str] = set()
        self._served: set[str] = set()
        # Spoken languages of utterances whose translation was not awaited.
        self._skipped: dict[int, str] = {}
        self.reset()

    def reset(self) -> None:
        """The next utterance begins."""
        self.utterance, self.language = 0, ""
        self.tentative: list[Token] = []
        self.has_final = self.has_text = False
        # The awaited language.
        self._target: str | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether the final translation is still to come."""
        return self._target is not None

    def status(self, language: str) -> Token:
        """The `translation_status` of spoken tokens."""
        if self._wanted is None:
            return {}
        return {"translation_status": "original" if self._wanted.target_of(language) else "none"}

    def apply_preview(self, event: Translation) -> None:
        """Show a translation that may change."""
        if self._wanted and event.language == self._wanted.target_of(self.language):
            self.tentative = self._tokens(event, self.language, is_final=False)

    def expect(self, final: Final) -> None:
        """Await the translation of a final, unless there will be none."""
        self.language, self.has_final, self.has_text = final.language, True, bool(final.text)
        target = self._wanted.target_of(final.language) if self._wanted else None
        self.utterance = final.utterance
        self._target = target if target in final.translate_to else None
        if self._target in self._unserved and final.language not in self._served:
            self.skip()

    def apply_final(self, event: Translation) -> list[Token]:
        """The final tokens of a translation. None for a language that is not awaited."""
        if event.language != self._target:
            return []
        self._target, self.tentative = None, []
        self._served.add(self.language)
        return self._finish(event, self.language)

    def skip(self) -> None:
        """Await the translation no longer. It is sent when it arrives."""
        self.give_up()
        self._skipped[self.utterance] = self.language
        if len(self._skipped) > MAX_SKIPPED:
            del self._skipped[next(iter(self._skipped))]

    def late_tokens(self, event: Translation) -> list[Token]:
        """The tokens of a final translation that was not awaited."""
        spoken = self._skipped.get(event.utterance)
        if not (event.is_final and spoken and self._wanted and event.language == self._wanted.target_of(spoken)):
            return []
        del self._skipped[event.utterance]
        self._served.add(spoken)
        return self._finish(event, spoken)

    def note_unserved(self, language: str) -> None:
        """A target is not served, at least not for some language."""
        self._unserved.add(language)
        if self._target == language:
            self.give_up()

    def give_up(self) -> None:
        """There is no translation of this utterance."""
        self._target, self.tentative = None, []

    def _finish(self, event: Translation, spoken: str) -> list[Token]:
        tokens = self._tokens(event, spoken, is_final=True)
        self._text(event.language).extend(event.text)
        return tokens

    def _tokens(self, event: Translation, spoken: str, *, is_final: bool) -> list[Token]:
        lead = self._text(event.language).lead(event.text)
        source = {"source_language": spoken} if spoken else {}
        extra = {"language": event.language, "translation_status": "translation", **source}
        return translated(event.text, lead, extra, is_final=is_final)

    def _text(self, language: str) -> TokenText:
        return self._texts.setdefault(language, TokenText())
