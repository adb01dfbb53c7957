"""Delivers the events of calls to webhooks: at least once, and those of a call in order."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass

import httpx
import structlog

from backend.errors import NovaError
from backend.streams.redis.connection import REDIS_ERRORS, retry_until_available
from backend.streams.session.outbox import Attempt, Outbox
from gateway import metrics
from gateway.apis.downloads import TIMEOUT, CheckedTransport, Downloads
from gateway.calls.signature import signed_headers
from gateway.settings import GatewaySettings

# Time for one attempt, and the delays before the next ones, in seconds.
ATTEMPT_S, BASE_S, CAP_S = 15.0, 1.0, 30.0
# A gateway delivers a call this long without asking Redis again. If it dies, another one continues after it.
LEASE_S = 2 * ATTEMPT_S
# Events of other gateways, and those whose next attempt is due, are looked for this often.
POLL_S = 1.0
# Calls whose events are delivered at the same time.
MAX_DELIVERIES = 64

log = structlog.get_logger()
Connector = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is in Redis. `url` "" is the address in the settings, `since` Unix time in seconds."""

    id: str
    url: str
    since: float
    body: str


class WebhookFailedError(NovaError):
    """The receiver did not accept an event."""

    code = "webhook_failed"


class Webhooks:
    """The events of this gateway's calls, and the delivery of those of all gateways."""

    def __init__(self, settings: GatewaySettings, outbox: Outbox, now: Callable[[], float]) -> None:
        self._settings, self._outbox, self._now = settings, outbox, now
        # A caller chooses public addresses only, an operator any.
        self._of_callers: Connector = Downloads(settings).connected
        self._added = asyncio.Event()
        self._delivering: set[str] = set()

    @property
    def is_enabled(self) -> bool:
        """Whether this gateway sends events."""
        return bool(self._settings.call_webhook) or self._settings.callback_enabled

    def accepts(self, url: str) -> bool:
        """Whether events may be sent to an address that a caller has chosen; "": to that of the settings."""
        return self._settings.callback_enabled if url else bool(self._settings.call_webhook)

    async def store(self, call: str, event_id: str, body: str, url: str) -> None:
        """Store an event until it is delivered. Raises OutboxFullError and REDIS_ERRORS."""
        if not self.accepts(url):
            return
        event, keep_s = StoredEvent(event_id, url, self._now(), body), self._settings.webhook_timeout_s
        text = json.dumps(asdict(event), ensure_ascii=False)
        await retry_until_available(lambda: self._outbox.add(call, text, self._now(), 2 * keep_s))
        self._added.set()

    async def deliver_forever(self) -> None:
        """Deliver events until cancelled. One gateway at a time delivers those of a call."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._added.clear()
                for call in await self._claim():
                    self._delivering.add(call)
                    tasks.create_task(self._deliver(call))
                await self._wait()

    async def _claim(self) -> list[str]:
        free = MAX_DELIVERIES - len(self._delivering)
        try:
            claimed = await self._outbox.claim(self._now(), LEASE_S, free) if free else ()
        except REDIS_ERRORS as error:
            log.warning("webhooks_unreadable", error=type(error).__name__)
            return []
        return [call for call in claimed if call not in self._delivering]

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._added.wait()

    async def _deliver(self, call: str) -> None:
        """Deliver the events of a call, one after the other, until one is not accepted."""
        try:
            while attempt := await self._outbox.begin(call, self._now(), LEASE_S):
                if not await self._try(call, attempt):
                    return
        except REDIS_ERRORS as error:
            log.warning("webhooks_unreadable", error=type(error).__name__)
        finally:
            self._delivering.discard(call)

    async def _try(self, call: str, attempt: Attempt) -> bool:
        """Make an attempt. Return whether the next event may follow."""
        event = StoredEvent(**json.loads(attempt.event))
        try:
            await self._send(event, attempt.number)
        except (NovaError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            if self._now() - event.since < self._settings.webhook_timeout_s:
                await self._postpone(call, event, attempt.number, error)
                return False
            self._record("given_up", event, error)
        else:
            metrics.WEBHOOK_EVENTS.labels("delivered").inc()
        await self._outbox.settle(call, attempt, self._now())
        return True

    async def _postpone(self, call: str, event: StoredEvent, number: int, error: BaseException) -> None:
        self._record("retried", event, error)
        # Full jitter, as in backend/backoff.py. Redis counts attempts, because another gateway may make the next one.
        delay_s = random.uniform(0, min(CAP_S, BASE_S * 2 ** min(number, 16)))
        await self._outbox.postpone(call, self._now(), delay_s)

    def _record(self, outcome: str, event: StoredEvent, error: BaseException) -> None:
        metrics.WEBHOOK_EVENTS.labels(outcome).inc()
        reason = error.message if isinstance(error, WebhookFailedError) else type(error).__name__
        log.info(f"webhook_{outcome}", event_id=event.id, error=reason)

    async def _send(self, event: StoredEvent, number: int) -> None:
        """Send once. A redirect is no success."""
        secret = self._settings.webhook_secret.get_secret_value()
        headers = signed_headers(secret, event.id, event.body, self._now(), number)
        connect = self._of_callers if event.url else _unrestricted
        async with (
            asyncio.timeout(ATTEMPT_S),
            connect() as client,
            client.stream(
                "POST",
                event.url or self._settings.call_webhook,
                content=event.body.encode(),
                headers={**headers, "Content-Type": "application/json"},
            ) as response,
        ):
            if not response.is_success:
                raise WebhookFailedError(f"the server answered {response.status_code}")


@asynccontextmanager
async def _unrestricted() -> AsyncIterator[httpx.AsyncClient]:
    """A client for the address in the settings, which may be private."""
    transport = await asyncio.to_thread(CheckedTransport, lambda _: True)
    headers = {"User-Agent": "nova-voice"}
    async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT, headers=headers, trust_env=False) as client:
        yield client
