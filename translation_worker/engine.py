"""CTranslate2's translation models: the only file that knows the library. `nllb` and `opus` say how to call theirs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import ctranslate2
import sentencepiece
import structlog

from backend.errors import ModelError
from translation_worker.guards import most_tokens
from translation_worker.passages import Draft, Sentencewise
from translation_worker.translator import Passage

_log = structlog.get_logger()
_SPACE = "▁"
"""SentencePiece's mark for a space, U+2581."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where and how a model computes."""

    device: str = "cpu"
    """"cpu", "cuda" or "auto"."""
    index: int = 0
    """Which GPU."""
    compute_type: str = "auto"
    """As CTranslate2 names it; "auto": int8 on a CPU, float16 on a GPU."""
    threads: int = 0
    """CPU threads; 0: as many as there are cores, at most 8."""
    batch_tokens: int = 2048
    """Most source tokens decoded at once, padding included; sentences are sorted by length to need little of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The tokens that a model wants around a sentence's pieces."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    """What the translation's tokens begin with."""


class Engine:
    """A loaded model and its vocabulary. Raises ModelError when the directory does not hold them.

    `weights` is the folder with `model.bin`, `pieces` the SentencePiece model, both named from `directory`.
    """

    def __init__(
        self, directory: Path, weights: str, pieces: str, frame: Callable[[Passage], Frame], hardware: Hardware
    ) -> None:
        for needed in (directory / weights / "model.bin", directory / pieces):
            if not needed.is_file():
                raise ModelError(f"no translation model: {needed} is missing")
        self.model = directory.name
        self._frame = frame
        self._batch_tokens = hardware.batch_tokens
        try:
            self._pieces: Any = sentencepiece.SentencePieceProcessor(model_file=str(directory / pieces))
            self._weights, self.device = _load(directory / weights, hardware, self.model)
            self.compute_type = str(self._weights.compute_type)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"cannot load the translation model in {directory}: {error}") from error
        self._sentences = Sentencewise(self._decode)

    def translate(self, batch: Sequence[Passage]) -> list[str]:
        """One translation for each passage, in order. Languages may be mixed."""
        return self._sentences.translate(batch)

    def _decode(self, batch: Sequence[Passage], *, careful: bool) -> list[Draft]:
        drafts: dict[Passage, Draft] = {}
        for beam_size, same in groupby(sorted(batch, key=_beam_size), key=_beam_size):
            group = list(same)
            drafts |= zip(group, self._decode_group(group, beam_size, careful), strict=True)
        return [drafts[sentence] for sentence in batch]

    def _decode_group(self, group: list[Passage], beam_size: int, careful: bool) -> list[Draft]:
        frames = [self._frame(sentence) for sentence in group]
        sources = [self._encode(sentence.text) for sentence in group]
        shown = [self._encode(sentence.prefix) for sentence in group]
        forced = [[*frame.target, *pieces] for frame, pieces in zip(frames, shown, strict=True)]
        results = self._weights.translate_batch(
            [[*frame.before, *pieces, *frame.after] for frame, pieces in zip(frames, sources, strict=True)],
            target_prefix=forced,
            beam_size=beam_size,
            batch_type="tokens",
            max_batch_size=self._batch_tokens,
            max_decoding_length=most_tokens(max(map(len, sources))) + max(map(len, forced)),
            disable_unk=True,
            no_repeat_ngram_size=3 if careful else 0,
            repetition_penalty=1.2 if careful else 1.0,
        )
        return [
            _draft(sentence.prefix, result.hypotheses[0][len(start) :], most_tokens(len(source)))
            for sentence, source, start, result in zip(group, sources, forced, results, strict=True)
        ]

    def _encode(self, text: str) -> list[str]:
        pieces: list[str] = self._pieces.encode(text, out_type=str)
        return pieces


def _beam_size(sentence: Passage) -> int:
    return sentence.beam_size


def _draft(prefix: str, pieces: Sequence[str], limit: int) -> Draft:
    """The prefix as it was given, not as the vocabulary spells it, and what the model added.

    Pieces are joined here and not by SentencePiece, which takes those of a target vocabulary for unknown words.
    """
    added = "".join(pieces).replace(_SPACE, " ").rstrip()
    if not prefix or prefix[-1].isspace():
        added = added.lstrip()
    return Draft(prefix + added, complete=len(pieces) < limit)


def gpus() -> int:
    """How many there are that CTranslate2 can use."""
    return int(ctranslate2.get_cuda_device_count())


def _load(weights: Path, hardware: Hardware, name: str) -> tuple[Any, str]:
    """The model and the device it computes on. Missing CUDA libraries show at the first inference, not before."""
    device = hardware.device
    if device == "auto":
        device = "cuda" if gpus() else "cpu"
    if device == "cuda":
        try:
            loaded = _open(weights, device, hardware, usual_type="float16")
            loaded.translate_batch([["</s>"]], max_decoding_length=1)
        except (RuntimeError, ValueError) as error:
            _log.warning("gpu_unusable", model=name, gpu_device=hardware.index, reason=str(error))
        else:
            return loaded, f"cuda:{hardware.index}"
    return _open(weights, "cpu", hardware, usual_type="int8"), "cpu"


def _open(weights: Path, device: str, hardware: Hardware, *, usual_type: str) -> Any:
    return ctranslate2.Translator(
        str(weights),
        device=device,
        device_index=hardware.index if device == "cuda" else 0,
        compute_type=usual_type if hardware.compute_type == "auto" else hardware.compute_type,
        intra_threads=hardware.threads or min(os.cpu_count() or 1, 8),
    )
