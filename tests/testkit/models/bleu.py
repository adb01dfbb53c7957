"""How good translations are: BLEU as sacrebleu computes it (Post, 2018), and the sentence pairs to measure it on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sacrebleu


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """0 to 100, over the whole corpus, one reference each; sacrebleu's 13a tokens, as for any Latin-script target."""
    return float(sacrebleu.corpus_bleu(list(translations), [list(references)]).score)


def sentence_pairs(path: Path) -> tuple[list[str], list[str]]:
    """Sources and references of a file with one pair a line, separated by a tab."""
    pairs = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [source for source, _ in pairs], [reference for _, reference in pairs]
