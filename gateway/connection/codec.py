"""Codecs: the wire formats of WebSocket clients, and their native messages."""

from collections.abc import Callable, Sequence
from typing import Protocol

from backend.errors import ProtocolError
from backend.messages.options import MAX_TEXT_FRAME
from backend.messages.protocol import ClientMessage, Error, Message, parse_client, to_json
from gateway.protocols import ProtocolName
from gateway.session.actions import RepeatedNotice

# A text or a binary frame.
Frame = str | bytes


class DirectReply(Message):
    """Frames that a codec sends to its client itself, in order with the session's events."""

    frames: tuple[Frame, ...]


class DeferredReply(Message):
    """Frames that a codec decides on once all events before it have been encoded."""

    build: Callable[[], Sequence[Frame]]


Decoded = ClientMessage | bytes | DirectReply | DeferredReply


class Codec(Protocol):
    """Translates between the frames of one connection and native messages. It may keep the state of its protocol.

    `protocol` names it in metrics, traces and logs. `subprotocols` are the WebSocket subprotocols that it accepts.
    `refuses_on_socket`: whether all clients, and not only web pages, are refused with messages on an accepted WebSocket
    instead of an HTTP response.
    """

    protocol: ProtocolName
    subprotocols: Sequence[str]
    refuses_on_socket: bool

    @property
    def idle_timeout_s(self) -> float | None:
        """The protocol's own limit for the time between two frames, if it has one."""

    def open(self) -> Sequence[Decoded]:
        """Return the items before the first frame, such as a greeting or a `start` from the URL's parameters."""

    def decode(self, frame: Frame) -> Sequence[Decoded]:
        """Translate a frame. Raises ProtocolError."""

    def encode(self, event: Message) -> Sequence[Frame]:
        """Translate an event to any number of frames."""

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """The code and reason with which this protocol closes, for native ones."""

    def refusal(self, error: Error) -> str:
        """The body of an HTTP response that refuses the handshake, as JSON."""


def check_text(frame: str) -> None:
    """Raise ProtocolError for text that is too long to parse while others wait.

    Parsing a megabyte of brackets stops the event loop for a tenth of a second.
    """
    if len(frame) > MAX_TEXT_FRAME:
        message = f"a text frame may have at most {MAX_TEXT_FRAME} characters"
        raise ProtocolError(message, code="frame_too_large", close_code=1009)


class NativeCodec:
    """The protocol of `/v1/stream`, also of recordings, which come through the HTTP route of another protocol."""

    subprotocols: Sequence[str] = ("nova.v1",)
    refuses_on_socket = False
    idle_timeout_s: float | None = None

    def __init__(self, protocol: ProtocolName = "native") -> None:
        self.protocol = protocol

    def open(self) -> Sequence[Decoded]:
        """Wait for the client, which sends the first message."""
        return ()

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Parse a message, or pass audio on. Raises ProtocolError."""
        if isinstance(frame, bytes):
            return (frame,)
        check_text(frame)
        return (parse_client(frame),)

    def encode(self, event: Message) -> Sequence[str]:
        """One frame for each event, except for notices that the client has received before."""
        return () if isinstance(event, RepeatedNotice) else (to_json(event),)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """A fatal `error` event."""
        return to_json(error)
