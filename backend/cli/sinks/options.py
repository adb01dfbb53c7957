"""The options for sinks, which `nova ingest` and `nova follow` share."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import click

from backend.cli.options import checked_target
from backend.cli.sinks.delivery import CaptionDelivery, CaptionSink, SinkReport
from backend.cli.sinks.vendors.http_sinks import YouTubeSink, ZoomSink
from backend.cli.sinks.vendors.obs_sink import ObsSink
from backend.local.discovery import print_status

DEFAULT_AGE_S = 30.0
_LANGUAGE = re.compile(r"([A-Za-z][A-Za-z_-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """The URL of a sink, which is a secret, and the language that it shows; None: the spoken one."""

    url: str
    language: str | None

    def __repr__(self) -> str:
        return f"SinkAddress(language={self.language!r})"


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """The sinks that the user named."""

    youtube: Sequence[SinkAddress]
    zoom: Sequence[SinkAddress]
    obs: Sequence[SinkAddress]
    obs_password: str
    max_age_s: float

    def __repr__(self) -> str:
        return f"SinkPlan({len(self.youtube)} YouTube, {len(self.zoom)} Zoom, {len(self.obs)} OBS)"

    @property
    def addresses(self) -> tuple[SinkAddress, ...]:
        """All sinks."""
        return (*self.youtube, *self.zoom, *self.obs)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the sinks show, except for the spoken one."""
        return tuple(dict.fromkeys(address.language for address in self.addresses if address.language))

    def deliveries(self, report: Callable[[SinkReport], None]) -> list[CaptionDelivery]:
        """The sinks, not connected. Raises SetupError if a proxy cannot be used."""
        sinks: list[tuple[CaptionSink, SinkAddress]] = [
            *((YouTubeSink(address.url), address) for address in self.youtube),
            *((ZoomSink(address.url), address) for address in self.zoom),
            *((ObsSink(address.url, self.obs_password), address) for address in self.obs),
        ]
        for sink, address in sinks:
            print_status(f"sending captions to {sink.name} at {urlsplit(address.url).hostname}")
        return [CaptionDelivery(sink, address.language, self.max_age_s, report) for sink, address in sinks]


def sink_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for sinks, which the command receives as `plan`."""

    @wraps(command)
    def with_plan(
        *,
        youtube: tuple[SinkAddress, ...],
        zoom: tuple[SinkAddress, ...],
        obs: tuple[SinkAddress, ...],
        obs_password: str,
        caption_age: float,
        **others: object,
    ) -> None:
        command(plan=SinkPlan(youtube, zoom, obs, obs_password, caption_age), **others)

    for option in _SINK_OPTIONS:
        with_plan = option(with_plan)
    return with_plan


def _address_option(name: str, variable: str, schemes: str, text: str) -> Callable[[Any], Any]:
    """An option for the URLs of a sink. Its errors do not repeat the value, which is a secret."""

    def parse(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[SinkAddress, ...]:
        return tuple(parse_sink_address(value, schemes.split()) for value in values)

    return click.option(
        f"--{name}",
        multiple=True,
        callback=parse,
        envvar=variable,
        metavar="[LANGUAGE=]URL",
        help=f"{text} Default: {variable}.",
    )


def parse_sink_address(value: str, schemes: Sequence[str]) -> SinkAddress:
    """A URL, with the language before it if it is not the spoken one: es=https://... Raises BadParameter."""
    prefixed = _LANGUAGE.fullmatch(value)
    language, url = prefixed.groups() if prefixed else (None, value)
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        is_valid = False
    if not is_valid:
        raise click.BadParameter(f"give a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return SinkAddress(url, language and checked_target(language))


_SINK_OPTIONS = (
    click.option(
        "--caption-age",
        type=click.FloatRange(min=1),
        default=DEFAULT_AGE_S,
        show_default=True,
        metavar="SECONDS",
        help="Captions that could not be sent for this long are left out.",
    ),
    click.option(
        "--obs-password",
        envvar="NOVA_OBS_PASSWORD",
        default="",
        metavar="PASSWORD",
        help="Password of the WebSocket server of OBS. Default: NOVA_OBS_PASSWORD.",
    ),
    _address_option("obs", "NOVA_OBS_URL", "ws wss", "Send captions to OBS: ws://host:4455."),
    _address_option(
        "zoom", "NOVA_ZOOM_URL", "https http", "Send captions to Zoom: the API token, which is a URL."
    ),
    _address_option(
        "youtube",
        "NOVA_YOUTUBE_URL",
        "http https",
        "Send captions to YouTube: its ingestion URL.",
    ),
)
