"""Options that several commands share."""

import click
from click.testing import CliRunner

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.options import cue_options
from backend.cli.transcribe import transcribe


@click.command()
@cue_options
def show(limits: CueLimits) -> None:
    """Print the limits."""
    click.echo(repr(limits))


def run(*arguments: str) -> str:
    return CliRunner().invoke(show, arguments).output.strip()


def test_cues_have_the_limits_of_the_guides_unless_options_change_them() -> None:
    assert run() == repr(CueLimits())
    assert run("--line-length", "32", "--lines", "3", "--reading-speed", "15.5", "--gap", "0") == repr(
        CueLimits(line_length=32, lines=3, reading_speed=15.5, gap_ms=0)
    )


def test_limits_that_no_subtitle_can_keep_are_refused() -> None:
    for option in (("--line-length", "3"), ("--lines", "0"), ("--reading-speed", "0"), ("--gap", "-1")):
        assert "Invalid value" in run(*option)


def test_limits_of_cues_require_a_subtitle_format() -> None:
    done = CliRunner().invoke(transcribe, ["talk.wav", "--lines", "1"])
    assert done.exit_code == 2
    assert "--format srt or vtt" in done.output
