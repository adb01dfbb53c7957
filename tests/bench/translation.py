"""Sentences translated in a second, together and alone: `python -m tests.bench.translation`.

The translator is the worker's, with all that it puts around the model. It remembers sentences, so each way begins
with a new one; the ways take turns, and what counts are medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import click
import sentencepiece

from backend import models
from tests.bench.support import results
from tests.paths import SHARED
from tests.testkit.models.bleu import bleu, sentence_pairs
from translation_worker.settings import TranslationSettings
from translation_worker.translator import Passage, Translator
from translation_worker.worker import load

WAYS = {"one by one": 1, "batches of 8": 8, "batches of 32": 32, "one call": 0}
"""Sentences in a call; 0: all."""
PARTS = (
    ("我", "她", "我的朋友", "老师", "那个孩子"),
    ("昨天", "今天早上", "每天", "下个星期"),
    ("去学校。", "喜欢喝茶。", "想买一本新书。", "在公园里散步。", "给我打电话。"),
)


@dataclass(frozen=True, slots=True)
class Text:
    """What is translated."""

    sources: tuple[str, ...]
    references: tuple[str, ...]
    """Empty where nobody has translated them."""

    @classmethod
    def at_hand(cls, count: int) -> Text:
        """Pairs of ../shared where it is, else sentences that are put together here, all different."""
        pairs = SHARED / "text" / "tatoeba-zh-en.tsv"
        if pairs.is_file():
            sources, references = sentence_pairs(pairs)
            return cls(tuple(sources[:count]), tuple(references[:count]))
        return cls(tuple("".join(parts) for parts in product(*PARTS))[:count], ())


@dataclass(frozen=True, slots=True)
class Run:
    """One way through the text."""

    seconds: float
    cpu_s: float
    translations: tuple[str, ...]


def translate(translator: Translator, sources: Sequence[str], at_once: int, beam_size: int) -> Run:
    """All sentences, so many to a call; 0: all."""
    passages = [Passage(source, "zho_Hans", "eng_Latn", beam_size=beam_size) for source in sources]
    began, cpu_s, size = time.perf_counter(), time.process_time(), at_once or len(passages)
    came = [text for at in range(0, len(passages), size) for text in translator.translate(passages[at : at + size])]
    return Run(time.perf_counter() - began, time.process_time() - cpu_s, tuple(came))


def rows(runs: dict[str, list[Run]], text: Text, count: Callable[[str], int]) -> list[results.Row]:
    """A line for each way. `count` knows a sentence's tokens."""
    tokens = sum(map(count, text.sources))
    slowest = median(run.seconds for run in next(iter(runs.values())))
    return [
        {
            "way": way,
            "sentences / s": median(len(text.sources) / run.seconds for run in some),
            "source tokens / s": median(tokens / run.seconds for run in some),
            "sentences / CPU s": median(len(text.sources) / run.cpu_s for run in some),
            "times as fast": slowest / median(run.seconds for run in some),
            **({"BLEU": bleu(some[0].translations, text.references)} if text.references else {}),
        }
        for way, some in runs.items()
    ]


@click.command()
@click.option("--model", default="opus-zh-en", show_default=True, help="One that translates Chinese to English.")
@click.option("--sentences", type=click.IntRange(1), default=100, show_default=True, help="At most; 300 are there.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--threads", default=0, show_default=True, help="0: as many as there are cores, at most 8.")
@results.option
def main(model: str, sentences: int, rounds: int, threads: int, file: Path | None) -> None:
    """Measure every way."""
    results.quiet()
    directory, text = models.fetch(model), Text.at_hand(sentences)
    settings = TranslationSettings(models=str(directory), device="cpu", threads=threads)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(directory / "sentencepiece.model"))
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, at_once in WAYS.items():
            (translator,) = load(settings)
            runs[way].append(translate(translator, text.sources, at_once, settings.beam_size))
    lines = rows(runs, text, lambda source: len(pieces.encode(source)))
    click.echo(results.table(lines))
    results.write(file, {"model": model, "sentences": len(text.sources), "rounds": rounds}, rows=lines)


if __name__ == "__main__":
    main()
