"""What the encoder's windows cost and spoil: `python -m tests.bench.windows --seconds 400`.

Every rule decodes the same utterances, as finals are decoded, in batches. The first table is of English; the second of
all other languages that there are clips in, by words, or by characters where no spaces are written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from backend import models
from backend.engines.loading import Hardware
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.recognizers.windows import EncoderWindows
from stt_worker.settings import SttSettings
from tests.bench.support import results
from tests.bench.support.utterances import Spoken, errors, joined, languages, spoken

RULES = ("30,5,3", "10,5,3", "8,2,4", "6,2,3", "6,2,2")
"""FLOOR,STEP,MARGIN in seconds; the first is always 30 s, as everybody else has it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a rule made of some clips."""

    texts: tuple[str, ...]
    cpu_s: float
    seconds: float
    objections: tuple[str, ...]
    """The guard's reason for each second look."""


def decode(recognizer: FasterWhisper, said: Sequence[Spoken]) -> Heard:
    """All utterances, as finals."""
    settings = SttSettings()
    speeches = [Speech(u, one.language, beam_size=settings.beam_size) for one in said for u in one.utterances]
    cpu_s, began = time.process_time(), time.perf_counter()
    heard = [
        hypothesis
        for at in range(0, len(speeches), settings.batch)
        for hypothesis in recognizer.recognize(speeches[at : at + settings.batch])
    ]
    return Heard(
        tuple(joined(said, [hypothesis.text for hypothesis in heard])),
        time.process_time() - cpu_s,
        time.perf_counter() - began,
        tuple(hypothesis.retried for hypothesis in heard if hypothesis.retried),
    )


def cost(rule: str, said: Sequence[Spoken], heard: Heard) -> results.Row:
    """A line of the first table."""
    audio_s = sum(one.seconds for one in said)
    return {
        "windows": rule,
        "WER %": errors(said, heard.texts, "en"),
        "CPU s / audio s": heard.cpu_s / audio_s,
        "audio s / s": audio_s / heard.seconds,
        "utterances": sum(len(one.utterances) for one in said),
        "second looks": len(heard.objections),
        "why": ", ".join(f"{count} {why}" for why, count in sorted(Counter(heard.objections).items())),
    }


def spoilt(rule: str, said: Sequence[Spoken], heard: Heard) -> results.Row:
    """A line of the second table."""
    there = dict.fromkeys(one.language for one in said)
    audio_s = sum(one.seconds for one in said)
    return {
        "windows": rule,
        **{f"{language} %": errors(said, heard.texts, language) for language in there},
        "CPU s / audio s": heard.cpu_s / audio_s,
        "second looks": len(heard.objections),
    }


@click.command()
@click.option(
    "--model", default="whisper-base", show_default=True, help="A name from `nova models list`, or a directory."
)
@click.option("--rule", "rules", multiple=True, default=RULES, show_default=True, help="FLOOR,STEP,MARGIN in seconds.")
@click.option("--seconds", default=120.0, show_default=True, help="About how much audio of each language.")
@click.option("--english", is_flag=True, help="Nothing but the first table.")
@click.option("--threads", default=0, show_default=True, help="0: as many as there are cores, at most 8.")
@results.option
def main(model: str, rules: tuple[str, ...], seconds: float, english: bool, threads: int, file: Path | None) -> None:
    """Measure every rule."""
    results.quiet()
    directory = models.fetch(model)
    first, others = spoken(["en"], seconds), [] if english else spoken(languages()[1:], seconds)
    costs: list[results.Row] = []
    spoils: list[results.Row] = []
    for rule in rules:
        recognizer = FasterWhisper(
            directory,
            model=directory.name,
            hardware=Hardware("cpu", threads=threads),
            windows=EncoderWindows.parse(rule),
        )
        costs.append(cost(rule, first, decode(recognizer, first)))
        click.echo(f"  {costs[-1]}", err=True)
        if others:
            spoils.append(spoilt(rule, others, decode(recognizer, others)))
    click.echo(results.table(costs))
    if spoils:
        click.echo(f"\n{results.table(spoils)}")
    results.write(file, {"model": model, "seconds": seconds, "threads": threads}, rows=costs, languages=spoils)


if __name__ == "__main__":
    main()
