"""Results of recordings that are sent to an address, which the client has chosen, instead of being awaited."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx
import structlog

from backend.backoff import retry
from backend.errors import NovaError
from gateway.access.admission import OverloadedError
from gateway.access.slots import counted
from gateway.apis.deepgram.parameters import Callback
from gateway.apis.downloads import Downloads, UnresolvedHostError
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingFailedError
from gateway.settings import GatewaySettings

# Recordings whose results are sent later. Each is on disk, and unlike others its client does not wait.
MAX_CALLBACKS = 64
# Of one caller.
MAX_CALLER_CALLBACKS = 16
# Time for one attempt, and the delays before the next ones, in seconds.
ATTEMPT_S, BASE_S, CAP_S = 30.0, 1.0, 30.0
# How long a recording waits for a place at this gateway, in seconds.
WAIT_FOR_PLACE_S = 3_600.0

log = structlog.get_logger()


class CallbackFailedError(NovaError):
    """The server of a callback did not accept the results."""

    code = "callback_failed"


RETRIED = (CallbackFailedError, UnresolvedHostError, httpx.HTTPError, OSError)


class NoPlaceError(RecordingFailedError):
    """The gateway transcribes as many recordings as it may."""


async def wait_for_place(transcribe: Callable[[], Awaitable[str]]) -> str:
    """Transcribe a recording as soon as the gateway has a place for it. Raises the errors of `transcribe`."""

    async def attempt() -> str:
        try:
            return await transcribe()
        except RecordingFailedError as error:
            if error.code != "overloaded":
                raise
            raise NoPlaceError(error.event) from None

    def log_wait(_: BaseException, waited_s: float, delay_s: float) -> None:
        log.info("callback_waits", waited_s=round(waited_s, 1), delay_s=round(delay_s, 1))

    return await retry(
        attempt, (NoPlaceError,), give_up_after_s=WAIT_FOR_PLACE_S, on_failure=log_wait, base_s=BASE_S, cap_s=CAP_S
    )


class Callbacks:
    """Sends results, again and again until they are accepted: at least once, within a time limit."""

    def __init__(self, settings: GatewaySettings, downloads: Downloads) -> None:
        self._settings, self._downloads = settings, downloads
        self._counts: Counter[str] = Counter()

    def check_enabled(self) -> None:
        """Raise InvalidRequestError if this gateway sends no results."""
        if not self._settings.callback_enabled:
            message = "callback: this gateway does not send results to other servers"
            raise InvalidRequestError(message, code="invalid_parameter", param="callback")

    @contextmanager
    def counted(self, caller: str) -> Iterator[None]:
        """Count a recording whose results will be sent. Raises OverloadedError."""
        if self._counts.total() >= MAX_CALLBACKS or self._counts[caller] >= MAX_CALLER_CALLBACKS:
            raise OverloadedError("this gateway already has too many callbacks to answer; try again later")
        with counted(self._counts, caller):
            yield

    async def deliver(self, callback: Callback, body: bytes, request_id: str) -> None:
        """Send results until their server answers with a status of success, or the time is over. It is only logged."""
        try:
            await retry(
                lambda: self._send(callback, body),
                RETRIED,
                give_up_after_s=self._settings.callback_timeout_s,
                on_failure=lambda error, *_: log.info("callback_retried", request_id=request_id, error=_name(error)),
                base_s=BASE_S,
                cap_s=CAP_S,
            )
        except (NovaError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            log.warning("callback_failed", request_id=request_id, error=_name(error))
        else:
            log.info("callback_delivered", request_id=request_id)

    async def _send(self, callback: Callback, body: bytes) -> None:
        """Send once. A redirect is no success: the address is the one that the client has named."""
        headers = {"Content-Type": "application/json"}
        async with (
            asyncio.timeout(ATTEMPT_S),
            self._downloads.connected() as client,
            # The body of the answer is not read. A name and a password in the URL become Basic authentication.
            client.stream(callback.method, callback.url, content=body, headers=headers) as response,
        ):
            if not response.is_success:
                raise CallbackFailedError(f"the server answered {response.status_code}")


def _name(error: BaseException) -> str:
    """An error without the URL, which may contain a password."""
    return error.message if isinstance(error, CallbackFailedError) else type(error).__name__
