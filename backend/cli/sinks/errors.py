"""Why captions do not reach a sink. The messages contain no URL, because the URLs of sinks are secrets."""

from backend.errors import NovaError


class SinkError(NovaError):
    """A sink did not accept captions. Send them again. `is_uncertain`: it may have accepted them without an answer."""

    code = "sink"

    def __init__(self, message: str, *, is_uncertain: bool = False) -> None:
        super().__init__(message)
        self.is_uncertain = is_uncertain


class SinkClosedError(SinkError):
    """A sink will accept no captions, however often they are sent."""

    code = "sink_closed"
