"""The room of a session, and the languages that its own client asks for. Pure."""

from collections.abc import Iterable
from typing import Self

from backend.messages.options import Message


class Sharing(Message):
    """The room of a session, which may change. A gateway that resumes the session needs all of this."""

    room: str = ""
    begin: str = "0-0"
    """Position in the log of the session after which its text is for the room."""
    asked: tuple[str, ...] = ()
    """Languages that the client has asked for during the whole session: finals of earlier options may follow."""

    def applied(self, room: str, targets: Iterable[str], cursor: str) -> Self:
        """The state after new options at this position in the log: text before it is not for another room."""
        begin = self.begin if room == self.room else cursor
        asked = tuple(dict.fromkeys([*self.asked, *targets]))
        return self.model_copy(update={"room": room, "begin": begin, "asked": asked})
