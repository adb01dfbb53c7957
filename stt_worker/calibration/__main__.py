"""Measure this machine and store the best settings. `nova doctor --calibrate` runs this in a child process."""

import sys

import click

from backend.errors import NovaError
from backend.service import logging
from stt_worker.calibration.results import Calibration
from stt_worker.calibration.storage import calibration_file, store
from stt_worker.calibration.trials import calibrate
from stt_worker.loading import model_directory, with_own_gpu
from stt_worker.settings import SttSettings

# Other programs may use at most this share of the CPU, or the result is not stored.
MAX_CPU_USAGE = 0.1


def describe(found: Calibration) -> str:
    """Describe a calibration for people."""
    is_speech = found.speech == "espeak-ng"
    speech = "" if is_speech else f"\n  measured with {found.speech}: the cost of decoding is underestimated"
    others = (
        f"\n  other programs used {found.busy:.0%} of the CPU: repeat the calibration when they are stopped"
        if found.busy > MAX_CPU_USAGE
        else ""
    )
    left_out = f"\n  no time for {', '.join(found.left_out)}" if found.left_out else ""
    windows = ", ".join(f"{size} s {1000 * taken:.0f} ms" for size, taken in found.previews.items())
    return (
        f"{found.machine.model} on {found.machine.device}: {found.machine.hardware}\n"
        f"  threads {found.threads}, {found.compute_type}, batch {found.batch}\n"
        f"  finals    {found.final_cost:.3f} s per second of speech ({found.greedy_cost:.3f} with a beam of 1)\n"
        f"  previews  {1000 * found.preview_s:.0f} ms each in batches; alone, by window: {windows}\n"
        f"  sessions  {found.sessions} with a preview per second of speech, "
        f"{found.sessions_without_previews} without previews{speech}{left_out}{others}"
    )


@click.command()
@click.option("--model", help="Name or directory of a model, instead of STT_MODEL.")
@click.option("--quick", is_flag=True, help="Run a few trials only.")
@click.option("--force", is_flag=True, help="Store the result even if other programs used the CPU.")
@click.option("--json", "as_json", is_flag=True, help="Print the stored JSON.")
def main(model: str | None, quick: bool, force: bool, as_json: bool) -> None:
    """Measure this machine and store the best settings."""
    settings = SttSettings(model=model) if model else SttSettings()
    logging.configure("stt_worker", settings.model_copy(update={"log_level": "error"}))
    try:
        settings = with_own_gpu(settings)
        found = calibrate(settings, quick=quick, report=lambda line: click.echo(line, err=True))
        file = calibration_file(model_directory(settings), found.machine)
        if is_trusted := force or found.busy <= MAX_CPU_USAGE:
            store(found, file)
    except NovaError as error:
        click.echo(f"nova: {error.message}", err=True)
        sys.exit(2)
    distorted = "not stored: other programs distorted the measurement (--force stores it)"
    stored = f"stored in {file}" if is_trusted else distorted
    click.echo(found.model_dump_json(indent=2) if as_json else f"{describe(found)}\n  {stored}")


if __name__ == "__main__":
    main()
