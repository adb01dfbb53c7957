"""Every error that Nova Voice raises on purpose, in one tree.

NovaError                       code: stable; used in logs, metric labels and the client's `error` event
|- ClientError                  the client sent something that it must change; carries a WebSocket close code
|  |- ProtocolError             a frame or message that the protocol does not allow
|  '- AudioError                audio that cannot be decoded, or a format that is not served
|- EntryError                   a stream entry that no worker can ever handle; dead-lettered at once
|- ModelError                   weights that are missing, damaged or of an unknown form
|  |- DamagedModelError         weights that are on this machine and fail verification
|  '- SourceUnavailableError    one source of a model fails; the next one is tried
|- UnsupportedPairError              no installed translation model serves this pair of languages
|- UnavailableError             an engine that is away for now; not the entry's fault, so entries are kept for later
'- SetupError                   this machine lacks something; the message says what, and what to do
"""

from __future__ import annotations


class NovaError(Exception):
    """The root. `code` is stable across releases; the message is for people."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ClientError(NovaError):
    """The client's mistake. When `fatal`, the connection is closed with `close_code` after the `error` event."""

    code = "bad_request"
    retry_after_s: float | None = None
    """When another attempt makes sense."""

    def __init__(self, message: str, *, code: str | None = None, close_code: int = 1008, fatal: bool = True) -> None:
        super().__init__(message, code=code)
        self.close_code = close_code
        self.fatal = fatal


class ProtocolError(ClientError):
    """A frame or message that the protocol does not allow at this point."""

    code = "protocol_error"


class AudioError(ClientError):
    """Audio bytes that cannot be decoded, or a format that is not served."""

    code = "invalid_audio"

    def __init__(self, message: str, *, code: str | None = None, close_code: int = 1007, fatal: bool = True) -> None:
        super().__init__(message, code=code, close_code=close_code, fatal=fatal)


class EntryError(NovaError):
    """A stream entry that cannot be decoded or is refused for good: it is dead-lettered without a retry."""

    code = "undecodable_entry"


class ModelError(NovaError):
    """Weights that are missing, damaged, or of a form no engine reads."""

    code = "model_unavailable"


class DamagedModelError(ModelError):
    """The files of an installed model differ from those that were verified or published."""


class SourceUnavailableError(ModelError):
    """One source of a model cannot be reached, lacks it, or sends wrong bytes. The store tries the next source."""


class UnsupportedPairError(NovaError):
    """No installed model translates this pair; the message names what to install."""

    code = "translation_unavailable"


class UnavailableError(NovaError):
    """A remote engine that cannot be reached or asks for patience: try again in `retry_after_s` seconds."""

    code = "recognizer_unavailable"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SetupError(NovaError):
    """This machine lacks something that the command needs."""

    code = "setup"
