"""Measure translation throughput by batch size: `python -m tests.bench.translation`.

It uses the worker's translator, with everything around the model. The translator caches sentences, so each measurement
starts with a new one. Batch sizes alternate, and the results are medians.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import click
import sentencepiece

from backend import models
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.models.bleu import bleu, sentence_pairs
from translation_worker.settings import TranslationSettings
from translation_worker.translator import Passage, Translator
from translation_worker.worker import load

WAYS = {"one by one": 1, "batches of 8": 8, "batches of 32": 32, "one call": 0}  # sentences per call; 0: all
PARTS = (
    ("我", "她", "我的朋友", "老师", "那个孩子"),
    ("昨天", "今天早上", "每天", "下个星期"),
    ("去学校。", "喜欢喝茶。", "想买一本新书。", "在公园里散步。", "给我打电话。"),
)


@dataclass(frozen=True, slots=True)
class Text:
    """Sentences to translate."""

    sources: tuple[str, ...]
    references: tuple[str, ...]  # empty if there are no reference translations

    @classmethod
    def available(cls, count: int) -> "Text":
        """Sentence pairs of ../shared. Without it, distinct sentences made from parts."""
        pairs = SHARED / "text" / "tatoeba-zh-en.tsv"
        if pairs.is_file():
            sources, references = sentence_pairs(pairs)
            return cls(tuple(sources[:count]), tuple(references[:count]))
        return cls(tuple("".join(parts) for parts in product(*PARTS))[:count], ())


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the text."""

    seconds: float
    cpu_s: float
    translations: tuple[str, ...]


def translate(translator: Translator, sources: Sequence[str], at_once: int, beam_size: int) -> Run:
    """Translate all sentences, `at_once` per call; 0: in one call."""
    passages = [Passage(source, "zho_Hans", "eng_Latn", beam_size=beam_size) for source in sources]
    began, cpu_s, size = time.perf_counter(), time.process_time(), at_once or len(passages)
    calls = [translator.translate(passages[at : at + size]) for at in range(0, len(passages), size)]
    translations = tuple(text for call in calls for text in call)
    return Run(time.perf_counter() - began, time.process_time() - cpu_s, translations)


def rows(runs: dict[str, list[Run]], text: Text, count: Callable[[str], int]) -> list[cli.Row]:
    """A row for each batch size. `count` returns the number of tokens of a sentence."""
    tokens = sum(map(count, text.sources))
    slowest = median(run.seconds for run in next(iter(runs.values())))
    return [
        {
            "way": way,
            "sentences / s": median(len(text.sources) / run.seconds for run in some),
            "source tokens / s": median(tokens / run.seconds for run in some),
            "sentences / CPU s": median(len(text.sources) / run.cpu_s for run in some),
            "speedup": slowest / median(run.seconds for run in some),
            **({"BLEU": bleu(some[0].translations, text.references)} if text.references else {}),
        }
        for way, some in runs.items()
    ]


@click.command()
@click.option("--model", default="opus-zh-en", show_default=True, help="A model that translates Chinese to English.")
@click.option("--sentences", type=click.IntRange(1), default=100, show_default=True, help="Up to 300.")
@cli.rounds_option
@cli.threads_option
@cli.json_option
def main(model: str, sentences: int, rounds: int, threads: int, json_file: Path | None) -> None:
    """Measure every batch size."""
    cli.log_errors_only()
    directory, text = models.fetch(model), Text.available(sentences)
    settings = TranslationSettings(models=str(directory), device="cpu", threads=threads)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(directory / "sentencepiece.model"))
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, at_once in WAYS.items():
            (translator,) = load(settings)
            runs[way].append(translate(translator, text.sources, at_once, settings.beam_size))
    lines = rows(runs, text, lambda source: len(pieces.encode(source)))
    click.echo(cli.table(lines))
    options = {"model": model, "sentences": len(text.sources), "rounds": rounds}
    cli.write_json(json_file, options=options, rows=lines)


if __name__ == "__main__":
    main()
