"""Responses of HTTP routes: errors with their HTTP status, and responses that are sent while their session runs."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from backend.cli.files.media.errors import MediaError
from backend.errors import ClientError, NovaError
from backend.messages.protocol import Error
from gateway import metrics
from gateway.access.auth import RefusedError
from gateway.access.pending import TooManyConnectionsError
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingFailedError
from gateway.connection.delay_watch import RedisUnavailableError
from gateway.protocols import ProtocolName

_OF_VOICES = {"unknown_speaker": 404, "too_many_voices": 409, "enrolment_refused": 422, "no_consent": 422}
_OF_ROOMS = {
    "room_taken": 409,
    "too_many_links": 409,
    "too_many_languages": 409,
    "unknown_line": 404,
    "unknown_link": 404,
    "unknown_segment": 404,
    "too_many_readers": 503,
}
_STATUS = {"over_quota": 429, "overloaded": 503, "draining": 503, "redis_unavailable": 503, **_OF_VOICES, **_OF_ROOMS}
_OUR_FAULT = frozenset({"internal", "overdue", "model_unavailable", "max_attempts"})


class SessionResponse(StreamingResponse):
    """A response that is sent while a session runs.

    At its end it closes `body` and then `session`, which holds the session and the file of the upload. The base class
    does not close a generator: one that the client never began to read would keep the session open.
    """

    def __init__(
        self, session: AsyncExitStack, body: AsyncGenerator[str, None], media_type: str, **headers: str
    ) -> None:
        super().__init__(body, headers=headers, media_type=media_type)
        self._session, self._body = session, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response until its end, or until the client leaves."""
        async with self._session, aclosing(self._body):
            await super().__call__(scope, receive, send)


def refused(error: BaseException, protocol: ProtocolName) -> NovaError:
    """Count a refused request, and return its error. One that is not ours came from Redis."""
    known = error if isinstance(error, NovaError) else RedisUnavailableError()
    metrics.REJECTED.labels(known.code, protocol).inc()
    return known


def error_event(error: NovaError) -> Error:
    """The native event for an error."""
    if isinstance(error, RecordingFailedError):
        return error.event
    retry_after_s = error.retry_after_s if isinstance(error, ClientError) else None
    message = error.message
    if isinstance(error, MediaError):
        # The message begins with the name of a temporary file.
        message = f"the recording{message.removeprefix(message.partition(' ')[0])}"
    return Error(code=error.code, message=message, fatal=True, retry_after_s=retry_after_s)


def http_status(error: NovaError) -> int:
    """The status of the response for an error."""
    match error:
        case InvalidRequestError() | RefusedError():
            return error.status
        case TooManyConnectionsError():
            return 429
    return 500 if error.code in _OUR_FAULT else _STATUS.get(error.code, 400)
