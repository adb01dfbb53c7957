"""A request to translate a transcript: what the model receives, and the text that the client receives. Pure."""

from dataclasses import dataclass

from backend.errors import NovaError
from backend.messages.jobs import Transcript
from backend.messages.languages import flores_code, needs_no_translation, script
from backend.messages.protocol import Notice, Translation
from backend.text.scripts import continue_in_script, to_script
from translation_worker.translator import Passage

# Removed from the end of previews: a model ends unfinished text like a sentence, and the next preview continues it.
ENDINGS = " .,;:!?…。，；：！？؟।"


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """A transcript to translate into one language; `target` is the code that the session used.

    The methods raise ProtocolError `unsupported_language` for a language that cannot be translated.
    """

    transcript: Transcript
    target: str

    @property
    def source(self) -> str:
        """The FLORES-200 code of the transcript's language."""
        return flores_code(self.transcript.language)

    @property
    def needs_no_model(self) -> bool:
        """Whether the target is the transcript's language, or the same language in a script that can be converted."""
        return needs_no_translation(self.source, flores_code(self.target))

    def rewritten(self) -> str:
        """The transcript in the script of the target."""
        return to_script(self.transcript.text, script(self.target))

    def passage(self, target: str, beam_size: int) -> Passage:
        """Build the input of the model; `target` is the FLORES-200 code that it writes. Previews use no beam."""
        final = self.transcript.kind == "final"
        return Passage(
            # A session may ask for another script than the one that the model knows by the source's code.
            text=to_script(self.transcript.text, script(self.source)),
            source=self.source,
            target=target,
            prefix=to_script(self._shown, script(target)),
            beam_size=beam_size if final else 1,
        )

    def deliver(self, passage: Passage, translated: str) -> str:
        """The model's answer to a passage, in the script of the target. Text that is already shown stays as it is."""
        whole = continue_in_script(passage.prefix, translated, script(self.target))
        return self._shown + whole[len(passage.prefix) :]

    def event(self, text: str) -> Translation:
        final = self.transcript.kind == "final"
        shown = text if final else text.rstrip(ENDINGS)
        return Translation(utterance=self.transcript.utterance, language=self.target, text=shown, is_final=final)

    def notice(self, error: NovaError) -> Notice:
        """The event that reports why there is no translation."""
        return Notice(code=error.code, message=error.message, utterance=self.transcript.utterance, language=self.target)

    @property
    def _shown(self) -> str:
        return "" if self.transcript.kind == "final" else self.transcript.translated.get(self.target, "")
