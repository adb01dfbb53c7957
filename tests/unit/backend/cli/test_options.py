"""Options that several commands share."""

import click
import pytest
from click.testing import CliRunner

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.main import nova
from backend.cli.options import cue_options, formatting_options, server_option
from backend.cli.transcribe import transcribe
from backend.local.discovery import NoServerError


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


def test_noise_is_reduced_in_one_of_three_ways() -> None:
    done = CliRunner().invoke(transcribe, ["talk.wav", "--denoise", "much"])
    assert done.exit_code == 2
    assert "'off', 'on', 'auto'" in done.output


def test_limits_of_cues_require_a_subtitle_format() -> None:
    done = CliRunner().invoke(transcribe, ["talk.wav", "--lines", "1"])
    assert done.exit_code == 2
    assert "--format srt or vtt" in done.output


@click.command()
@server_option("A server.")
def find(server: str | None) -> None:
    """Print the server."""
    click.echo(server)


def test_the_server_has_one_name_and_its_older_one_still_works() -> None:
    for name in ("--server", "--url"):
        assert CliRunner().invoke(find, [name, "http://h:8080"]).output == "http://h:8080\n"
    assert "--server URL  A server." in CliRunner().invoke(find, ["--help"]).output


@pytest.mark.parametrize("command", ["transcribe", "mic", "status", "load", "dead list", "keys list"])
def test_every_command_that_uses_a_server_has_the_option(command: str) -> None:
    said = CliRunner().invoke(nova, [*command.split(), "--help"]).output
    assert "--server URL" in said
    assert "--url" not in said


@pytest.mark.parametrize("option", ["--server", "--url"])
def test_load_refuses_an_invalid_address(option: str) -> None:
    failed = CliRunner().invoke(nova, ["load", option, "http://"])
    assert isinstance(failed.exception, NoServerError)
    assert failed.exception.message.startswith("'http://' is not a server address")


@click.command()
@formatting_options
def write(formatting: tuple[str, ...]) -> None:
    """Print the formatting."""
    click.echo(" ".join(formatting))


def test_each_kind_of_formatting_is_an_option() -> None:
    assert CliRunner().invoke(write, []).output == "\n"
    assert CliRunner().invoke(write, ["--numerals"]).output == "numerals\n"
    every = ["--numerals", "--mask-profanity", "--no-fillers"]
    assert CliRunner().invoke(write, every).output == "fillers profanity numerals\n"
