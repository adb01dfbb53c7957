"""Events and HTTP statuses for the errors of HTTP routes."""

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
    "unknown_link": 404,
    "unknown_segment": 404,
    "too_many_readers": 503,
}
_STATUS = {"over_quota": 429, "overloaded": 503, "draining": 503, "redis_unavailable": 503, **_OF_VOICES, **_OF_ROOMS}
_OUR_FAULT = frozenset({"internal", "overdue", "model_unavailable", "max_attempts"})


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
