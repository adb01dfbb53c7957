"""Measure the division of long utterances between clauses: `python -m tests.bench.clauses`.

Monologues are recognized by live sessions without servers, in which utterances are divided from several lengths on.
Errors are compared with how long words wait until the final of their utterance can be computed, and with its cost.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from backend import models
from backend.engines.loading import Hardware
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Start
from backend.text.edits import WordErrors
from stt_worker.recognizers.recognizer import Recognizer
from stt_worker.recognizers.whisper import FasterWhisper
from tests.bench.support.monologues import Monologue, monologues
from tests.testkit import cli
from tests.testkit.audio.clips import shared_clips
from tests.testkit.audio.reference import DEFAULT_RULES
from tests.testkit.models.offline_sessions import OfflineSession, transcribe_all


def measure(recognizer: Recognizer, spoken: Sequence[Monologue], clause_ms: int, pause_ms: int) -> cli.Row:
    """Recognize the monologues in sessions that divide utterances from `clause_ms` on, at pauses of `pause_ms`."""
    starts = [Start(language="en", partials=False, clause_ms=clause_ms)] * len(spoken)
    rules, began = replace(DEFAULT_RULES, clause_pause_ms=pause_ms), time.process_time()
    sessions = transcribe_all(recognizer, [one.pcm for one in spoken], starts, rules=rules)
    cpu_s, errors = time.process_time() - began, WordErrors("en")
    for one, session in zip(spoken, sessions, strict=True):
        errors.add(one.text, session.text)
    waits = np.concatenate([_waits(session) for session in sessions])
    return {
        "divided from": f"{clause_ms} ms, pauses of {pause_ms} ms" if clause_ms else "never",
        "words": errors.words,
        "errors": errors.errors,
        "WER %": errors.percent,
        "finals": sum(len(session.jobs) for session in sessions),
        "wait, mean s": float(waits.mean()),
        "wait, p95 s": float(np.percentile(waits, 95)),
        "CPU s per s": cpu_s * SAMPLE_RATE / sum(len(one.pcm) for one in spoken),
    }


def _waits(session: OfflineSession) -> np.ndarray:
    """For every 100 ms of the utterances, the seconds until the final could be computed."""
    jobs = zip(session.jobs, session.submitted_ms, strict=True)
    return np.concatenate([(at - np.arange(job.start_ms, job.end_ms, 100)) / 1000 for job, at in jobs])


@click.command()
@cli.model_option("whisper-base")
@click.option("--half", type=click.Choice(["tuning", "report", "all"]), default="all", show_default=True)
@click.option("--from", "lengths", type=int, multiple=True, default=(0, 8_000), show_default=True, help="`clause_ms`.")
@click.option("--pause", "pauses", type=int, multiple=True, default=(400,), show_default=True, help="In milliseconds.")
@click.option("--draws", default=2, show_default=True, help="Monologues with other pauses, from the same speech.")
@cli.threads_option
@cli.json_option
def main(
    model: str,
    half: str,
    lengths: tuple[int, ...],
    pauses: tuple[int, ...],
    draws: int,
    threads: int,
    json_file: Path | None,
) -> None:
    """Print a row for each length and pause."""
    cli.log_errors_only()
    progress = cli.progress()
    recognizer = FasterWhisper(models.fetch(model), model=model, hardware=Hardware("cpu", threads=threads))
    clips = [clip for clip in shared_clips() if clip.language == "en"]
    spoken = [one for one in monologues(clips, draws) if half in ("all", one.half)]
    progress(f"{len(spoken)} monologues, {sum(len(one.pcm) for one in spoken) / SAMPLE_RATE:.0f} s")
    rows = []
    for length in lengths:
        for pause in pauses if length else pauses[:1]:
            rows.append(measure(recognizer, spoken, length, pause))
            progress(f"{rows[-1]['divided from']}: {rows[-1]['WER %']:.1f} %")
    click.echo(cli.table(rows))
    cli.write_json(json_file, options={"model": model, "half": half, "draws": draws}, rows=rows)


if __name__ == "__main__":
    main()
