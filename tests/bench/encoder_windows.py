"""Measure the cost and accuracy of encoder windows: `python -m tests.bench.encoder_windows --seconds 400`.

Every window rule decodes the same utterances as finals, in batches. The first table is for English, the second for the
other languages that have clips. Languages without spaces are scored by characters.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from backend import models
from backend.engines.loading import Hardware
from stt_worker.recognizers.encoder_windows import EncoderWindows
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from tests.bench.support.utterances import BenchClip, bench_clips, error_percent, join_utterances, languages
from tests.testkit import cli

# FLOOR,STEP,MARGIN in seconds. The first always uses 30 s, as other Whisper implementations do.
RULES = ("30,5,3", "10,5,3", "8,2,4", "6,2,3", "6,2,2")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One pass over some clips."""

    texts: tuple[str, ...]
    cpu_s: float
    seconds: float
    second_decodes: tuple[str, ...]  # the guard's reason for each


def decode(recognizer: FasterWhisper, clips: Sequence[BenchClip]) -> Decoded:
    """Decode all utterances as finals."""
    settings = SttSettings()
    speeches = [Speech(u, clip.language, beam_size=settings.beam_size) for clip in clips for u in clip.utterances]
    cpu_s, began = time.process_time(), time.perf_counter()
    hypotheses = [
        hypothesis
        for at in range(0, len(speeches), settings.batch)
        for hypothesis in recognizer.recognize(speeches[at : at + settings.batch])
    ]
    return Decoded(
        tuple(join_utterances(clips, [hypothesis.text for hypothesis in hypotheses])),
        time.process_time() - cpu_s,
        time.perf_counter() - began,
        tuple(hypothesis.retried for hypothesis in hypotheses if hypothesis.retried),
    )


def english_row(rule: str, clips: Sequence[BenchClip], decoded: Decoded) -> cli.Row:
    """A row of the first table."""
    audio_s = sum(clip.seconds for clip in clips)
    reasons = sorted(Counter(decoded.second_decodes).items())
    return {
        "windows": rule,
        "WER %": error_percent(clips, decoded.texts, "en"),
        "CPU s / audio s": decoded.cpu_s / audio_s,
        "audio s / s": audio_s / decoded.seconds,
        "utterances": sum(len(clip.utterances) for clip in clips),
        "second decodes": len(decoded.second_decodes),
        "reasons": ", ".join(f"{count} {reason}" for reason, count in reasons),
    }


def language_row(rule: str, clips: Sequence[BenchClip], decoded: Decoded) -> cli.Row:
    """A row of the second table."""
    found = dict.fromkeys(clip.language for clip in clips)
    return {
        "windows": rule,
        **{f"{language} %": error_percent(clips, decoded.texts, language) for language in found},
        "CPU s / audio s": decoded.cpu_s / sum(clip.seconds for clip in clips),
        "second decodes": len(decoded.second_decodes),
    }


@click.command()
@cli.model_option("whisper-base")
@click.option("--rule", "rules", multiple=True, default=RULES, show_default=True, help="FLOOR,STEP,MARGIN in seconds.")
@click.option("--seconds", default=120.0, show_default=True, help="About how much audio per language.")
@click.option("--english", is_flag=True, help="Print only the first table.")
@cli.threads_option
@cli.json_option
def main(
    model: str, rules: tuple[str, ...], seconds: float, english: bool, threads: int, json_file: Path | None
) -> None:
    """Measure every rule."""
    cli.log_errors_only()
    directory = models.fetch(model)
    english_clips = bench_clips(["en"], seconds)
    other_clips = [] if english else bench_clips(languages()[1:], seconds)
    english_rows: list[cli.Row] = []
    language_rows: list[cli.Row] = []
    for rule in rules:
        recognizer = FasterWhisper(
            directory,
            model=directory.name,
            hardware=Hardware("cpu", threads=threads),
            windows=EncoderWindows.parse(rule),
        )
        english_rows.append(english_row(rule, english_clips, decode(recognizer, english_clips)))
        click.echo(f"  {english_rows[-1]}", err=True)
        if other_clips:
            language_rows.append(language_row(rule, other_clips, decode(recognizer, other_clips)))
    click.echo(cli.table(english_rows))
    if language_rows:
        click.echo(f"\n{cli.table(language_rows)}")
    options = {"model": model, "seconds": seconds, "threads": threads}
    cli.write_json(json_file, options=options, rows=english_rows, languages=language_rows)


if __name__ == "__main__":
    main()
