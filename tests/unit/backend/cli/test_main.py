"""The `nova` command, and how it reports commands whose packages are not installed."""

import sys

import pytest
from click.testing import CliRunner

from backend.cli.main import COMMANDS, nova
from backend.errors import SetupError


@pytest.fixture
def without_av(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without PyAV, as in the image of the translation worker."""
    monkeypatch.setitem(sys.modules, "av", None)
    for module in (
        "backend.cli.transcribe",
        "backend.cli.files.media.recording",
        "backend.cli.files.media.ffmpeg_track",
    ):
        monkeypatch.delitem(sys.modules, module, raising=False)


def test_help_lists_all_commands() -> None:
    lines = CliRunner().invoke(nova, ["--help"]).output.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in lines if line.strip()] == list(COMMANDS)


@pytest.mark.usefixtures("without_av")
def test_a_command_without_its_packages_is_listed_and_names_the_extra() -> None:
    runner = CliRunner()
    listed = " ".join(runner.invoke(nova, ["--help"]).output.split())
    assert "transcribe Not available: the package av is not installed." in listed
    failed = runner.invoke(nova, ["transcribe", "talk.wav", "--format", "srt"])
    assert isinstance(failed.exception, SetupError)
    assert "pip install 'nova-voice[cli]'" in failed.exception.message
