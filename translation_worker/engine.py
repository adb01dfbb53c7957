"""CTranslate2 translation models. `nllb` and `opus` define how each model encodes its sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import ctranslate2
import sentencepiece

from backend.engines.loading import DevicePlacement, Hardware, default_cores, load_model
from backend.errors import ModelError
from translation_worker.guards import max_tokens
from translation_worker.passages import DraftTranslation, PassageTranslator
from translation_worker.translator import Passage

# SentencePiece writes a space as U+2581.
_SPACE = "▁"
# Source tokens that are decoded at once, padding included. CTranslate2 sorts sentences by length to need little of it.
BATCH_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class ControlTokens:
    """The tokens that a model expects around a sentence; `target` are the first tokens of the translation."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


class TranslationEngine:
    """A loaded model and its vocabulary.

    `weights` is the folder with `model.bin` and `pieces` the SentencePiece model, both relative to `directory`. Raises
    ModelError if they are missing or cannot be loaded.
    """

    def __init__(
        self,
        directory: Path,
        weights: str,
        pieces: str,
        control_tokens: Callable[[Passage], ControlTokens],
        hardware: Hardware,
    ) -> None:
        for needed in (directory / weights / "model.bin", directory / pieces):
            if not needed.is_file():
                raise ModelError(f"no translation model: {needed} is missing")
        self.model = directory.name
        self._control_tokens = control_tokens
        try:
            self._pieces: Any = sentencepiece.SentencePieceProcessor(model_file=str(directory / pieces))
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"cannot load the translation model in {directory}: {error}") from error

        def open_model(placement: DevicePlacement) -> Any:
            return _open(directory / weights, hardware, placement)

        self._translator, self.device = load_model(self.model, hardware, open_model)
        self.compute_type = str(self._translator.compute_type)
        self._passages = PassageTranslator(self._decode, is_known=self._is_known)

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """Return one translation for each passage, in order. Languages may be mixed."""
        return self._passages.translate(batch)

    def _decode(self, batch: Sequence[Passage], *, careful: bool) -> list[DraftTranslation]:
        # One call has one beam size: finals and previews are decoded separately.
        by_beam_size = attrgetter("beam_size")
        drafts: dict[Passage, DraftTranslation] = {}
        for beam_size, same in groupby(sorted(batch, key=by_beam_size), key=by_beam_size):
            group = list(same)
            drafts |= zip(group, self._decode_group(group, beam_size, careful), strict=True)
        return [drafts[sentence] for sentence in batch]

    def _decode_group(self, group: list[Passage], beam_size: int, careful: bool) -> list[DraftTranslation]:
        controls = [self._control_tokens(sentence) for sentence in group]
        sources = [self._encode(sentence.text) for sentence in group]
        shown = [self._encode(sentence.prefix) for sentence in group]
        forced = [[*control.target, *pieces] for control, pieces in zip(controls, shown, strict=True)]
        results = self._translator.translate_batch(
            [[*control.before, *pieces, *control.after] for control, pieces in zip(controls, sources, strict=True)],
            target_prefix=forced,
            beam_size=beam_size,
            batch_type="tokens",
            max_batch_size=BATCH_TOKENS,
            max_decoding_length=max_tokens(max(map(len, sources))) + max(map(len, forced)),
            disable_unk=True,
            # These keep the model from repeating itself. They also forbid legitimate repetition, so they are used for
            # second attempts only.
            no_repeat_ngram_size=3 if careful else 0,
            repetition_penalty=1.2 if careful else 1.0,
        )
        return [
            _draft(sentence.prefix, result.hypotheses[0][len(start) :], max_tokens(len(source)))
            for sentence, source, start, result in zip(group, sources, forced, results, strict=True)
        ]

    def _is_known(self, text: str) -> bool:
        """Whether the vocabulary contains all characters of a text, and not only their bytes."""
        ids = self._pieces.encode(text)
        return not any(self._pieces.is_unknown(ids)) and not any(self._pieces.is_byte(ids))

    def _encode(self, text: str) -> list[str]:
        pieces: list[str] = self._pieces.encode(text, out_type=str)
        return pieces


def _draft(prefix: str, pieces: Sequence[str], limit: int) -> DraftTranslation:
    """Append what the model added to the prefix as it was given, not as the vocabulary spells it.

    Pieces are joined here because SentencePiece treats pieces of a separate target vocabulary as unknown words.
    """
    added = "".join(pieces).replace(_SPACE, " ").rstrip()
    if not prefix or prefix[-1].isspace():
        added = added.lstrip()
    return DraftTranslation(prefix + added, complete=len(pieces) < limit)


def _open(weights: Path, hardware: Hardware, placement: DevicePlacement) -> Any:
    translator = ctranslate2.Translator(
        str(weights),
        device=placement.device,
        device_index=placement.index,
        compute_type=placement.compute_type,
        intra_threads=hardware.threads or default_cores(),
    )
    translator.translate_batch([["</s>"]], max_decoding_length=1)
    return translator
