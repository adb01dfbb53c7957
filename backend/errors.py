"""The base classes of all errors. Each error has a stable `code`.

Errors of one module are defined there. This is the tree of all of them; a test compares it with the code.

NovaError                       its code is used in logs, metric labels and the `error` event
|- ClientError                  the client caused the error (with a WebSocket close code)
|  |- ProtocolError             a frame or message that the protocol does not allow
|  |- AudioError                audio that cannot be decoded, or an unsupported format
|  |- UnknownSessionError       the session to resume does not exist, or the token is wrong
|  |- TakenOverError            another connection has resumed the session
|  |- OverloadedError           admission refuses a session because of the load
|  |- DrainingError             admission refuses a session because the gateway is draining
|  |- RefusedError              access is denied
|  |  |- ForbiddenError         the API key or token lacks the scope
|  |  |- ForeignOriginError     the page that connects is not allowed
|  |  |- UnknownPathError       no WebSocket is served at the path
|  |  '- UnknownRoomError       the caller has no room of a name
|  |- InvalidRequestError       HTTP: a parameter is invalid or not served
|  |  |- SpeakersUnavailableError no running model distinguishes speakers
|  |  |- UntranslatedError      no worker translates the language of a recording
|  |  '- UnresolvedHostError    the name of a host in a URL cannot be resolved
|  |- RecordingFailedError      HTTP: the session of a recording failed
|  |  '- NoPlaceError            it was not started, because the gateway has too many
|  |- OverQuotaError            the API key has reached a limit
|  |- OutboxFullError           too many events of a call wait for their receiver
|  |- TooManySecretsError       a caller has too many client secrets that have not expired
|  |- RedisUnavailableError     Redis does not answer
|  |- RoomTakenError           a room belongs to another key
|  |- TooManyLinksError        a room has as many links as it may have
|  |- TooManyLanguagesError    a room is read in as many languages as it may be
|  |- TooManyReadersError      a gateway has as many readers as it may have
|  |- UnknownLineError         a room has no final of a line
|  |- UnknownLinkError         a room has no link with an id
|  |- UnpublishedSegmentError  HLS: a segment of captions is not published yet
|  |- TooManyVoicesError        a caller has as many enrolled voices as it may have
|  |- UnknownSpeakerError       no voice is enrolled under a name
|  |- TooManyConnectionsError   too many connections have no session yet
|  '- AudioLostError            Redis has lost an utterance whose audio only the client still has
|- EntryError                   a stream entry that no worker can process: a dead letter without a retry
|- ModelError                   a model that is missing, damaged or has an unknown format
|  |- DamagedModelError         an installed model that fails verification
|  '- SourceUnavailableError    one source of a model fails, and the next one is tried
|- UnsupportedPairError         no installed translation model serves this pair of languages
|- CallbackFailedError          a client's server does not take the results of its recording
|- WebhookFailedError           a receiver does not accept an event of a call, it is sent again
|- UnavailableError             a remote engine is unavailable, its entries are retried later
|- SetupError                   this machine lacks something, the message says what to do
|- DamagedRecordError           a session record in Redis cannot be read
|- SessionLostError             Redis has lost the session
|- HungError                    a handler did not return in time, so the worker exits
|- ServerError                  Python client: the server refuses or ends the session
|- DisconnectedError            Python client: the connection was lost permanently
|- NoServerError                commands: no server answers at an address
|  '- UntrustedServerError      its certificate is not trusted, the message says how to trust it
|- IncompleteError              commands: a part of a transcript is missing
|- OutputError                  commands: a transcript cannot be written, or would replace another file
|- SourceError                  commands: a live stream cannot be read
|  |- UnsupportedSourceError    its protocol is not read
|  |- UnreachableSourceError    no stream that can be decoded answers at its address
|  '- LostSourceError           it failed or stalled, and could not be opened again
|- SinkError                    commands: YouTube, Zoom or OBS does not accept captions, they are sent again
|  '- SinkClosedError            it will never accept them
|- RoomRefusedError             commands: the server does not let this user read a room
|- EventTooLongError            commands: an event of a server is longer than any real one
|- OverrunError                 commands: the server accepts no audio from the microphone
'- MediaError                   commands: a recording cannot be transcribed, or not completely
   |- UnreadableError           it is missing, a directory, or not permitted
   |- EmptyFileError            it has no bytes or no sound
   |- NotMediaError             it is neither audio nor video
   |- NoAudioError              it has no audio track
   |- NoTrackError              it has no audio track with the requested number
   |- TooManyChannelsError      it has more channels than can be recognized separately
   |- TruncatedAudioError       it is truncated; the audio before that point was used
   '- DamagedAudioError         parts of it are damaged; the audio before and after them was used
"""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


class NovaError(Exception):
    """Base class. `code` is stable across releases, the message is not."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ClientError(NovaError):
    """An error that the client caused. If `fatal`, the connection is closed with `close_code` after the event."""

    code = "bad_request"
    close_code = 1008
    # Seconds to wait before the next attempt.
    retry_after_s: float | None = None

    def __init__(
        self, message: str, *, code: str | None = None, close_code: int | None = None, fatal: bool = True
    ) -> None:
        super().__init__(message, code=code)
        self.close_code = self.close_code if close_code is None else close_code
        self.fatal = fatal

    @property
    def log_message(self) -> str:
        """The message without personal data, as logs contain it."""
        return self.message


class ProtocolError(ClientError):
    """A frame or message that the protocol does not allow at this point."""

    code = "protocol_error"


class AudioError(ClientError):
    """Audio that cannot be decoded, or an unsupported format."""

    code = "invalid_audio"
    close_code = 1007


class EntryError(NovaError):
    """A stream entry that cannot be decoded, or that an engine rejects. It becomes a dead letter without a retry."""

    code = "undecodable_entry"


class ModelError(NovaError):
    """A model that is missing, damaged or has an unknown format."""

    code = "model_unavailable"


class DamagedModelError(ModelError):
    """The files of an installed model differ from those that were verified or published."""


class SourceUnavailableError(ModelError):
    """One source of a model cannot be reached, lacks it, or sends wrong bytes. The store tries the next source."""


class UnsupportedPairError(NovaError):
    """No installed model translates this pair. The message names a model to install."""

    code = "translation_unavailable"


class UnavailableError(NovaError):
    """A remote engine cannot be reached or is overloaded. Try again in `retry_after_s` seconds."""

    code = "recognizer_unavailable"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SetupError(NovaError):
    """This machine lacks something that the command needs."""

    code = "setup"


def leaf_errors(group: BaseExceptionGroup[E]) -> list[E]:
    """The errors in an exception group and its nested groups, in order."""
    leaves: list[E] = []
    for error in group.exceptions:
        leaves += leaf_errors(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
