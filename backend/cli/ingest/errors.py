"""Why a live stream cannot be read."""

from backend.errors import NovaError


class SourceError(NovaError):
    """A live stream cannot be read."""

    code = "source"


class UnsupportedSourceError(SourceError):
    """The address names a protocol that is not read, or that this FFmpeg lacks."""

    code = "unsupported_source"


class UnreachableSourceError(SourceError):
    """No stream that can be decoded answers at the address."""

    code = "unreachable_source"


class LostSourceError(SourceError):
    """The source failed or stalled."""

    code = "source_lost"
