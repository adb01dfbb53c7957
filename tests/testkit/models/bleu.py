"""Translation quality: BLEU as computed by sacrebleu (Post, 2018), and sentence pairs to measure it."""

from collections.abc import Sequence
from pathlib import Path

import sacrebleu


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus, 0 to 100, with one reference per sentence and the 13a tokenizer for Latin scripts."""
    return float(sacrebleu.corpus_bleu(list(translations), [list(references)]).score)


def sentence_pairs(path: Path) -> tuple[list[str], list[str]]:
    """Sources and references of a file with one tab-separated pair per line."""
    pairs = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [source for source, _ in pairs], [reference for _, reference in pairs]
