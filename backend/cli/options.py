"""Options that several commands share."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

from backend.cli.files.subtitles.limits import MAX_LINES, MIN_GAP_MS, CueLimits
from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages.options import MAX_LANGUAGES
from backend.messages.rooms.captions import ROOM_PATTERN

F = TypeVar("F", bound=Callable[..., Any])


def _source_languages(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """Validate languages that can be recognized, or "auto"."""
    codes = tuple(dict.fromkeys(code.strip() for code in value.split(",") if code.strip())) or ("auto",)
    if len(codes) > 1 and "auto" in codes:
        raise click.BadParameter("give either auto, or the languages to choose from")
    if len(codes) > MAX_LANGUAGES:
        raise click.BadParameter(f"give at most {MAX_LANGUAGES} languages")
    return tuple(_known(languages.whisper_code, code) for code in codes)


def _target_languages(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Validate target languages. Each option may hold several, separated by commas."""
    codes = (code.strip() for group in values for code in group.split(",") if code.strip())
    return tuple(dict.fromkeys(_known(languages.flores_code, code) for code in codes))


def checked_room(name: str) -> str:
    """Return the name of a room. Raises BadParameter."""
    if not re.fullmatch(ROOM_PATTERN, name):
        raise click.BadParameter("a room is 1 to 48 lower-case letters, digits and hyphens")
    return name


def checked_target(code: str) -> str:
    """Return a target language. Raises BadParameter if it is unknown."""
    return _known(languages.flores_code, code)


def _known(lookup: Callable[[str], object], code: str) -> str:
    """Return the code unchanged. Raises BadParameter if the lookup does not know it."""
    try:
        lookup(code)
    except ProtocolError as error:
        raise click.BadParameter(error.message) from None
    return code


language_option = click.option(
    "--language",
    "-l",
    "spoken",
    default="auto",
    show_default=True,
    callback=_source_languages,
    metavar="CODES",
    help="Spoken language, or the languages to choose from, separated by commas: en,es.",
)
targets_option = click.option(
    "--translate-to",
    "-t",
    "targets",
    multiple=True,
    callback=_target_languages,
    metavar="CODES",
    help="Target languages of the translation, separated by commas: es,zh.",
)
key_option = click.option(
    "--key",
    envvar="NOVA_KEY",
    default="",
    metavar="KEY",
    help="API key, if the server requires one. Default: NOVA_KEY.",
)
speakers_option = click.option(
    "--speakers", is_flag=True, help="Name the speakers, if the server has the model `campplus`."
)


def formatting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the text, which the command receives as `formatting`."""

    @wraps(command)
    def with_formatting(*, no_fillers: bool, mask_profanity: bool, numerals: bool, **others: object) -> None:
        wanted = {"fillers": no_fillers, "profanity": mask_profanity, "numerals": numerals}
        command(formatting=tuple(name for name, is_wanted in wanted.items() if is_wanted), **others)

    for option in _FORMATTING_OPTIONS:
        with_formatting = option(with_formatting)
    return with_formatting


_FORMATTING_OPTIONS = (
    click.option("--numerals", is_flag=True, help="Write spoken numbers in digits: 25% for twenty-five percent."),
    click.option("--mask-profanity", is_flag=True, help="Mask profane words."),
    click.option("--no-fillers", is_flag=True, help="Remove filler words, such as uh and um."),
)

room_option = click.option(
    "--room",
    callback=lambda _, __, value: value if value is None else checked_room(value),
    metavar="NAME",
    help="Publish the captions in this room, where others read them.",
)


class ServerOption(click.Option):
    """The option `--server`. It also accepts --url, its name in some commands of release 0.1, which help omits."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The names and the text for `--help`."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(", --url", ""), record[1])


def server_option(text: str, name: str = "server", *, multiple: bool = False) -> Callable[[F], F]:
    """`--server`, an address such as http://host:8080 or ws://host:8080, which the command receives as `name`."""
    return click.option("--server", "--url", name, cls=ServerOption, metavar="URL", multiple=multiple, help=text)


find_or_start_option = server_option("Address, such as http://host:8080. Default: find a running system, or start one.")


def cue_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the cues of subtitles, which the command receives as `limits`."""

    @wraps(command)
    def with_limits(
        *, line_length: int | None, lines: int, reading_speed: float | None, gap: int, **others: object
    ) -> None:
        command(limits=CueLimits(line_length, lines, reading_speed, gap), **others)

    for option in _CUE_OPTIONS:
        with_limits = option(with_limits)
    return with_limits


_CUE_OPTIONS = (
    click.option(
        "--gap",
        type=click.IntRange(0, 1000),
        default=MIN_GAP_MS,
        show_default=True,
        metavar="MS",
        help="Shortest time between two cues (srt, vtt).",
    ),
    click.option(
        "--reading-speed",
        type=click.FloatRange(min=1),
        metavar="CHARACTERS",
        help="Characters per second. Default: 20; Chinese 11, Japanese 7, Korean 14 (srt, vtt).",
    ),
    click.option(
        "--lines",
        type=click.IntRange(1, 4),
        default=MAX_LINES,
        show_default=True,
        metavar="COUNT",
        help="Lines per cue (srt, vtt).",
    ),
    click.option(
        "--line-length",
        type=click.IntRange(min=8),
        metavar="CHARACTERS",
        help="Characters per line. Default: 42; Chinese and Korean 16, Japanese 13 (srt, vtt).",
    ),
)
