"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from backend.errors import ProtocolError
from backend.messages import languages


def _spoken(_: click.Context, __: click.Parameter, given: str) -> str:
    """A language that can be recognized, or "auto"."""
    return _known(languages.whisper_code, given)


def _targets(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Languages that can be translated into, from options that hold one or several, separated by commas."""
    codes = (code.strip() for group in given for code in group.split(",") if code.strip())
    return tuple(dict.fromkeys(_known(languages.flores_code, code) for code in codes))


def _known(lookup: Callable[[str], object], code: str) -> str:
    """The code as it was given. Refuses one that the lookup does not know."""
    try:
        lookup(code)
    except ProtocolError as error:
        raise click.BadParameter(error.message) from None
    return code


language_option = click.option(
    "--language", "-l", default="auto", show_default=True, callback=_spoken, metavar="CODE", help="Language spoken."
)
targets_option = click.option(
    "--translate-to",
    "-t",
    "targets",
    multiple=True,
    callback=_targets,
    metavar="CODES",
    help="Languages to translate into, separated by commas: es,zh.",
)
key_option = click.option(
    "--key", envvar="NOVA_KEY", default="", metavar="KEY", help="API key for a server that wants one; else NOVA_KEY."
)
server_option = click.option(
    "--server", "named", metavar="URL", help="A server's address, such as ws://host:8080; else one is found or started."
)
