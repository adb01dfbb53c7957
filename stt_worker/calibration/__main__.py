"""Measure this machine, and remember what is best for it: `nova doctor --calibrate` runs this as a process."""

from __future__ import annotations

import sys

import click

from backend.errors import NovaError
from backend.service import logging
from stt_worker.calibration.findings import Calibration
from stt_worker.calibration.storage import keep, place
from stt_worker.calibration.trials import calibrate
from stt_worker.settings import SttSettings
from stt_worker.worker import placed, weights

IDLE = 0.1
"""A machine that others use more than this is not measured, they are."""


def described(found: Calibration) -> str:
    """For people."""
    speech = "" if found.speech == "espeak-ng" else f"\n  measured with {found.speech}: decoding counts for too little"
    others = (
        f"\n  other programs took {found.busy:.0%} of this machine: do it again when they do not"
        if found.busy > IDLE
        else ""
    )
    left_out = f"\n  no time for {', '.join(found.left_out)}" if found.left_out else ""
    windows = ", ".join(f"{size} s {1000 * taken:.0f} ms" for size, taken in found.previews.items())
    return (
        f"{found.machine.model} on {found.machine.device}: {found.machine.hardware}\n"
        f"  threads {found.threads}, {found.compute_type}, batch {found.batch}\n"
        f"  finals    {found.final_cost:.3f} s for a second of speech ({found.greedy_cost:.3f} with a beam of 1)\n"
        f"  previews  {1000 * found.preview_s:.0f} ms each in batches; alone, by window: {windows}\n"
        f"  sessions  {found.sessions} with a preview for each second of speech, "
        f"{found.sessions_without_previews} without previews{speech}{left_out}{others}"
    )


@click.command()
@click.option("--model", help="A model's name or directory, instead of STT_MODEL.")
@click.option("--quick", is_flag=True, help="A few trials only.")
@click.option("--force", is_flag=True, help="Keep it though other programs were busy meanwhile.")
@click.option("--json", "as_json", is_flag=True, help="For programs: what is written to the cache.")
def main(model: str | None, quick: bool, force: bool, as_json: bool) -> None:
    """Measure this machine, and write down what is best for it."""
    settings = SttSettings(model=model) if model else SttSettings()
    logging.configure("stt_worker", settings.model_copy(update={"log_level": "error"}))
    try:
        settings = placed(settings)
        found = calibrate(settings, quick=quick, tell=lambda line: click.echo(line, err=True))
        file = place(weights(settings), found.machine)
        if is_trusted := force or found.busy <= IDLE:
            keep(found, file)
    except NovaError as error:
        click.echo(f"nova: {error.message}", err=True)
        sys.exit(2)
    kept = f"kept in {file}" if is_trusted else "not kept: measured beside other programs, it would mislead (--force)"
    click.echo(found.model_dump_json(indent=2) if as_json else f"{described(found)}\n  {kept}")


if __name__ == "__main__":
    main()
