"""The interface of all doors. Pure."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from backend.cli.calls.results import CallResult
from backend.cli.calls.twilio_messages import CallCompleted

Through = Literal["twilio", "audiosocket", "asterisk", "aeap", "freeswitch", "native"]
Frame = str | bytes


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of a call, as its caller gives them. `speakers` is their number."""

    speakers: int
    spoken: tuple[str, ...]
    targets: tuple[str, ...]
    # The auth token with which Twilio signs; "": the call is not signed.
    twilio_token: str = ""
    audiosocket: str = ""
    # The room in which the call is published; "": in none.
    room: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a call. Receivers of the gateway's webhook can ignore calls that are simulated."""
        given = {"language": ",".join(self.spoken), "translate_to": ",".join(self.targets), "room": self.room}
        return {name: value for name, value in given.items() if value} | {"events": "socket", "simulated": "true"}


class CallDoor(Protocol):
    """A call in progress. Iteration yields its results, and ends when all of them have arrived."""

    async def send(self, packet: Sequence[bytes]) -> None:
        """Send the next 20 ms of each speaker, as mu-law. Raises NovaError if the connection has ended."""

    async def hang_up(self) -> None:
        """End the call. The results in progress follow."""

    def __aiter__(self) -> AsyncIterator[CallResult]: ...


class CallDialect(Protocol):
    """The frames of one telephone system. `max_speakers` is the number that it can stream in one connection."""

    max_speakers: int

    def opening(self) -> Sequence[Frame]:
        """The frames before the audio."""

    def media(self, packet: Sequence[bytes]) -> Sequence[Frame]:
        """The frames with the next 20 ms of each speaker, as mu-law."""

    def hang_up(self) -> Sequence[Frame]:
        """The frames after the audio."""

    def read(self, frame: Frame) -> CallResult | CallCompleted | None:
        """The result in a frame of the gateway. Raises ServerError and DisconnectedError."""

    def reply(self, frame: Frame) -> Sequence[Frame]:
        """The answer that a telephone system gives to a frame of the gateway."""
