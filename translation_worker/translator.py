"""The interface of translation models, and the choice between several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.errors import UnsupportedPairError
from backend.messages.languages import english_name, other_scripts
from backend.messages.served_languages import INSTALL_HINT, ServedPairs


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to translate into one language.

    `source` and `target` are FLORES-200 codes such as "eng_Latn". `prefix` is the beginning of the translation that is
    already shown, and that the new translation must begin with.
    """

    text: str
    source: str
    target: str
    prefix: str = ""
    beam_size: int = 4


class Translator(Protocol):
    """A translation model, called from one thread at a time."""

    model: str
    device: str
    compute_type: str

    def serves(self, source: str, target: str) -> bool:
        """Whether this model translates the pair, given in FLORES-200 codes."""

    def pairs(self) -> str:
        """Describe the pairs, for health reports and notices: "200 languages" or "Chinese to English"."""

    def served(self) -> ServedPairs:
        """The pairs, for the heartbeat."""

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """Return one translation for each passage, in order."""


def pick_translator(translators: Sequence[Translator], source: str, target: str) -> tuple[Translator, str]:
    """Return the first translator that serves the pair, and the target that it writes.

    That is the target itself, or the same language in a script that can be converted to it. Raises
    UnsupportedPairError, which names the installed models and the one to install.
    """
    for written in (target, *other_scripts(target)):
        for translator in translators:
            if translator.serves(source, written):
                return translator, written
    installed = "; ".join(f"{translator.model} ({translator.pairs()})" for translator in translators) or "none"
    raise UnsupportedPairError(
        f"no installed model translates {english_name(source)} to {english_name(target)} (installed: {installed}); "
        f"{INSTALL_HINT}"
    )
