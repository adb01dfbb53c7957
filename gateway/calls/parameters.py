"""Parameters of a call: in its URL, or in the message that starts it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from backend.errors import ProtocolError
from backend.messages.options import spoken_language
from backend.messages.protocol import AudioFormat, Start

# Further parameters of a caller, which are part of each event, and characters of all of them.
MAX_OWN, MAX_OWN_LENGTH = 32, 4_096
_OPTIONS = frozenset({"language", "translate_to", "hotwords", "formatting", "prompt", "room", "partials"})
_OURS = _OPTIONS | {"key", "webhook", "events", "tracks"}


@dataclass(frozen=True, slots=True)
class CallParameters:
    """`webhook`: URL for the events, "" for that of the gateway. `own` holds parameters without a meaning here."""

    key: str
    options: Mapping[str, Any]
    webhook: str
    # Whether the events are also sent on the connection of the call.
    on_socket: bool
    tracks: tuple[str, ...]
    own: Mapping[str, str]
    # Whether text is recognized while a speaker speaks, for telephone systems that expect results.
    partials: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Read the parameters. Raises ProtocolError."""
        own = {name: value for name, value in given.items() if name not in _OURS}
        if len(own) > MAX_OWN or sum(len(name) + len(value) for name, value in own.items()) > MAX_OWN_LENGTH:
            raise _invalid(f"at most {MAX_OWN} parameters with {MAX_OWN_LENGTH} characters are possible")
        return cls(
            key=given.get("key", ""),
            options=_options(given),
            webhook=given.get("webhook", ""),
            on_socket=_on_socket(given.get("events", "webhook")),
            tracks=_tracks(given.get("tracks", "")),
            own=own,
            partials=_flag(given.get("partials", "false")),
        )

    @property
    def has_readers(self) -> bool:
        """Whether the text of the call reaches its connection, or a room."""
        return self.on_socket or bool(self.options["room"])

    def start(self, audio: AudioFormat) -> Start:
        """The native message that opens the session of the call. Raises ProtocolError."""
        separate = audio.channels > 1
        try:
            # One transcript of both speakers needs their utterances in order.
            order = {"multichannel": separate, "channel_order": "time"}
            return Start(audio=audio, partials=self.partials, **order, **self.options)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise _invalid(f"{first['loc'][0]}: {first['msg']}") from None


def check_destination(parameters: CallParameters, has_webhook: bool, *, replies: bool) -> None:
    """Raise ProtocolError if the events of a call would be lost. `replies`: they return on its connection anyway."""
    if parameters.webhook and not has_webhook:
        raise _invalid("webhook: this gateway sends no events to addresses of callers")
    if not (has_webhook or replies or parameters.has_readers):
        raise ProtocolError("this gateway has no webhook for the events of calls", code="no_destination")


def _options(given: Mapping[str, str]) -> dict[str, Any]:
    languages = spoken_language(_listed(given.get("language", "auto")))
    return {
        **languages,
        "translate_to": _listed(given.get("translate_to", "")),
        "hotwords": given.get("hotwords", ""),
        "formatting": _listed(given.get("formatting", "")),
        "prompt": given.get("prompt", ""),
        "room": given.get("room") or None,
    }


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _on_socket(where: str) -> bool:
    if where not in ("webhook", "socket"):
        raise _invalid("events: webhook or socket")
    return where == "socket"


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise _invalid("partials: true or false")
    return value == "true"


def _tracks(value: str) -> tuple[str, ...]:
    """The names of tracks: Telnyx and SignalWire call both of them "both_tracks" or "both"."""
    if value.removesuffix("_tracks") == "both":
        return ("inbound", "outbound")
    if (track := value.removesuffix("_track")) in ("inbound", "outbound"):
        return (track,)
    if value:
        raise _invalid("tracks: inbound, outbound or both")
    return ()


def _invalid(message: str) -> ProtocolError:
    return ProtocolError(message, code="invalid_parameter")
