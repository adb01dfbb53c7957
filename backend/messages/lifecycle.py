"""Messages about the end of a session, and of a connection. Pure."""

from typing import Literal

from backend.messages.options import Message


class Keepalive(Message):
    """Keeps the connection open while the client sends no audio."""

    type: Literal["keepalive"] = "keepalive"


class Stop(Message):
    """Ends the audio. Pending finals and translations follow, then `done`."""

    type: Literal["stop"] = "stop"


class Draining(Message):
    """This gateway is shutting down. Connect again and `resume`. Pending results are still delivered here."""

    type: Literal["draining"] = "draining"
    within_s: float
    """Seconds until the server closes the connection with 1012."""


class Done(Message):
    """All results have been sent. The server closes the connection with 1000."""

    type: Literal["done"] = "done"
