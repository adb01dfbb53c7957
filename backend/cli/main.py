"""The `nova` command."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version

import click
import structlog

from backend.errors import NovaError

COMMANDS = {
    "up": "up",
    "transcribe": "transcribe",
    "mic": "mic",
    "models": "models:group",
    "status": "status",
    "dead": "dead",
    "keys": "keys",
    "load": "load",
    "doctor": "doctor",
}
"""In the order in which people meet them: the module of each, and its name there where that is another."""


class _Commands(click.Group):
    """Commands that are loaded when they are used: a worker's image has not the packages of all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"backend.cli.{module}"), name or module)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("nova-voice"), prog_name="nova")
def nova() -> None:
    """Nova Voice: speech to text and translation, in real time.

    \b
    nova up                    start everything here, then open the page it prints and speak
    nova transcribe talk.mp4   turn a recording into text or subtitles
    """


def main() -> None:
    """Run the command; what goes wrong on purpose is one clear line, not a traceback."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        nova()
    except* NovaError as failures:
        error = failures.exceptions[0]
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        click.secho(f"nova: {error}", fg="red", err=True)
        sys.exit(2)
