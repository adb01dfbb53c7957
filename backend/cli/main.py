"""The `nova` command."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click
import structlog

from backend.cli.dead import dead
from backend.cli.doctor import doctor
from backend.cli.load import load
from backend.cli.mic import mic
from backend.cli.models import group as models
from backend.cli.transcribe import transcribe
from backend.cli.up import up
from backend.errors import NovaError


class _InOrder(click.Group):
    """Commands in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("nova-voice"), prog_name="nova")
def nova() -> None:
    """Nova Voice: speech to text and translation, in real time.

    \b
    nova up                    start everything here, then open the page it prints and speak
    nova transcribe talk.mp4   turn a recording into text or subtitles
    """


for command in (up, transcribe, mic, models, dead, load, doctor):
    nova.add_command(command)


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
