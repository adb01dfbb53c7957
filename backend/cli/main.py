"""The entry point of the `nova` command."""

import signal
import sys
from importlib import import_module
from importlib.metadata import version

import click
import structlog

from backend.cli.terminal.interrupts import EXIT_STATUS_BASE, exit_on_signals
from backend.cli.terminal.streams import discard_output, replace_unknown_characters
from backend.errors import NovaError, SetupError, leaf_errors
from backend.text.printable import printable, printable_lines

# Windows does not have this signal.
SIGPIPE = 13

# Module and attribute of each command, in the order in which `nova --help` lists them.
COMMANDS = {
    "up": "up:up",
    "transcribe": "transcribe:transcribe",
    "mic": "mic:mic",
    "ingest": "ingest.commands:ingest",
    "follow": "follow.commands:follow",
    "models": "models:group",
    "speakers": "speakers.commands:speakers",
    "simulate-call": "calls.commands:simulate_call",
    "status": "status:status",
    "dead": "dead:dead",
    "keys": "keys:keys",
    "load": "load:load",
    "doctor": "doctor:doctor",
}


class _Commands(click.Group):
    """Imports a command when it is used, because images of single services lack the packages of some commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(import_module(f"backend.cli.{module}"), name)
        except ModuleNotFoundError as missing:
            return _unavailable(cmd_name, missing.name or module)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand. Unlike click, exit with 130 and no message after Ctrl-C, as other programs do."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(EXIT_STATUS_BASE + signal.SIGINT)
        except OSError as error:
            # click would end with status 1 if the reader has closed the pipe.
            raise ExceptionGroup("output", [error]) from None


def _unavailable(name: str, package: str) -> click.Command:
    """Create a placeholder for a command whose packages are not installed, so that `nova --help` lists it."""

    def fail(**_: object) -> None:
        raise SetupError(f"`nova {name}` needs the package {package}: pip install 'nova-voice[cli]'")

    return click.Command(
        name,
        callback=fail,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        help=f"Not available: the package {package} is not installed.",
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("nova-voice"), prog_name="nova")
def nova() -> None:
    """Nova Voice: real-time speech-to-text and translation.

    \b
    nova up                    start everything on this machine and open the printed page
    nova transcribe talk.mp4   convert a recording to text or subtitles
    """


def main() -> None:
    """Run the command. A NovaError is printed as one line, with exit status 2.

    If the reader of the output has closed the pipe, as `head` does, the command ends quietly.
    """
    replace_unknown_characters()
    exit_on_signals()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        nova()
    except* NovaError as failures:
        click.secho(f"nova: {printable_lines(str(leaf_errors(failures)[0]))}", fg="red", err=True)
        sys.exit(2)
    except* BrokenPipeError:
        discard_output()
        sys.exit(EXIT_STATUS_BASE + SIGPIPE)
    except* OSError as failures:
        error = leaf_errors(failures)[0]
        named = f"{printable(str(error.filename))}: " if error.filename else ""
        click.secho(f"nova: {named}{error.strerror or error}", fg="red", err=True)
        sys.exit(2)
