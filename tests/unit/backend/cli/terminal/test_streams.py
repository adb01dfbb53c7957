"""Text reaches terminals of any encoding, and a closed pipe ends a command quietly."""

import os
import subprocess
import sys

import pytest

PRINT_SPEECH = """
import click
from backend.cli import main
from backend.cli.terminal.streams import echo_json

@click.command()
def speech():
    click.echo("日本語 ¿qué?")
    echo_json('["日本語 😀"]')

@click.command()
def endless():
    while True:
        click.echo("line")

main.nova.get_command = lambda _, name: {"speech": speech, "endless": endless}[name]
main.main()
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", PRINT_SPEECH, *arguments],
        env={**os.environ, "PYTHONUTF8": "0", "LC_ALL": "", **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", '日本語 ¿qué?\n["日本語 😀"]\n'),
        ("ascii", '日本語 ¿qué?\n["\\u65e5\\u672c\\u8a9e \\ud83d\\ude00"]\n'),
        ("latin-1", '??? ¿qué?\n["\\u65e5\\u672c\\u8a9e \\ud83d\\ude00"]\n'),
    ],
    ids=["utf-8", "ascii", "latin-1"],
)
def test_characters_that_the_encoding_lacks_are_replaced_and_escaped_in_json(encoding: str, text: str) -> None:
    done = run("speech", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    # click treats ASCII as a wrong setting of the locale and writes UTF-8.
    assert done.stdout.decode("utf-8" if encoding == "ascii" else encoding) == text


def test_a_closed_pipe_ends_the_command_quietly() -> None:
    command = [sys.executable, "-c", PRINT_SPEECH, "endless"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 128 + 13
