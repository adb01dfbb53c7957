"""Any OpenAI-compatible speech endpoint (`/v1/audio/transcriptions`) as a recognizer.

What can go wrong is told apart: an endpoint that refuses this audio, which is the entry's fault, and an endpoint that
is away, which is nobody's: then a circuit breaker leaves it alone for a while and `UnavailableError` asks for patience.
"""

from __future__ import annotations

import hashlib
import io
import time
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import httpx
import structlog
from pybreaker import (
    STATE_CLOSED,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitBreakerState,
    CircuitMemoryStorage,
)
from pydantic import SecretStr, ValidationError

from backend.errors import EntryError, ModelError, UnavailableError
from backend.messages.jobs import SAMPLE_RATE
from backend.service import tracing
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.verbose_json import Answer

log = structlog.get_logger()

REFUSALS = frozenset({400, 413, 415, 422})
"""What says that this audio is at fault. A wrong key or address (401, 404) is not: the operator will mend it."""
CONNECT_S = 5.0
PATIENCE_S = (1.0, 60.0)
"""When to come back to an endpoint that does not say when, and the latest for one that does."""
LONGEST_ANSWER = 4_000_000
"""Bytes."""
MOST_KEPT = 256


@dataclass(frozen=True)
class Request:
    """What is posted for one piece of audio."""

    fields: tuple[tuple[str, str], ...]
    wav: bytes

    @cached_property
    def digest(self) -> bytes:
        """The same for the same request."""
        return hashlib.sha256(repr(self.fields).encode() + self.wav).digest()


class RemoteRecognizer:
    """A model behind HTTP; fulfils `Recognizer`."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: SecretStr,
        timeout_s: float = 30.0,
        at_once: int = 4,
        failures: int = 3,
        away_s: float = 10.0,
    ) -> None:
        """`url` is the API's root ("http://host:8000/v1"). Nothing is sent yet. Raises ModelError for a bad URL.

        After `failures` failed requests in a row none is sent for `away_s` seconds; then one that succeeds is enough.
        """
        secret = key.get_secret_value()
        root = _root(url)
        self._client = httpx.Client(
            base_url=root,
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        )
        self.model, self.compute_type = model, ""
        self.overlap = self.decoders = 1
        self.device = root.netloc.decode()
        self._timeout_s, self._away_s = timeout_s, away_s
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="remote")
        self._memory = CircuitMemoryStorage(STATE_CLOSED)
        self._breaker = CircuitBreaker(
            fail_max=failures,
            reset_timeout=away_s,
            exclude=[EntryError],
            listeners=[_Told(self.device)],
            state_storage=self._memory,
            throw_new_error_on_trip=False,
        )
        self._kept: dict[bytes, Answer] = {}

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """One hypothesis for each, in order.

        Raises UnavailableError when the endpoint is away, else EntryError `audio_refused` when it refuses a piece. What
        it did answer is kept, so that the next attempt need not ask again.
        """
        requests = [self._request(speech) for speech in batch]
        with tracing.stage("request", batch):
            futures = [self._pool.submit(self._answer, request) for request in requests]
            wait(futures)
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            answered = [(r.digest, f.result()) for r, f in zip(requests, futures, strict=True) if not f.exception()]
            self._kept = dict([*self._kept.items(), *answered][-MOST_KEPT:])
            away = [error for error in errors if isinstance(error, UnavailableError)]
            raise max(away, key=lambda error: error.retry_after_s, default=errors[0])
        return [future.result().hypothesis(speech) for future, speech in zip(futures, batch, strict=True)]

    def close(self) -> None:
        """End its threads and connections; a worker's end with the process."""
        self._pool.shutdown()
        self._client.close()

    def _request(self, speech: Speech) -> Request:
        fields = {
            "model": self.model,
            "response_format": "verbose_json",
            "temperature": "0",
            "language": speech.language or "",
            "prompt": " ".join(filter(None, (speech.hotwords, speech.prompt))),
        }
        granularities = ("segment", "word") if speech.words else ("segment",)
        return Request(
            (
                *((name, value) for name, value in fields.items() if value),
                *(("timestamp_granularities[]", granularity) for granularity in granularities),
            ),
            _wav(speech.pcm),
        )

    def _answer(self, request: Request) -> Answer:
        if kept := self._kept.pop(request.digest, None):
            return kept
        try:
            # `calling` and not `call`, which would hold its lock throughout and send one request after the other.
            with self._breaker.calling():
                answer = self._post(request)
        except CircuitBreakerError:
            message = f"{self.device} was away and is left alone for a while"
            raise UnavailableError(message, retry_after_s=self._rest_s()) from None
        return answer

    def _post(self, request: Request) -> Answer:
        data: dict[str, list[str]] = {}
        for name, value in request.fields:
            data.setdefault(name, []).append(value)
        files = {"file": ("speech.wav", request.wav, "audio/wav")}
        until = time.monotonic() + self._timeout_s
        try:
            with self._client.stream("POST", "audio/transcriptions", data=data, files=files) as response:
                body = _read(response, until)
        except httpx.HTTPError as error:
            raise self._away(f"{type(error).__name__}: {error}") from error
        if response.is_success:
            try:
                return Answer.model_validate_json(body)
            except ValidationError:
                raise self._away("it answers with something that is no transcription") from None
        said = f"{response.status_code} {body[:200].decode(errors='replace')}"
        if response.status_code in REFUSALS:
            raise EntryError(f"{self.device} refuses this audio: {said}", code="audio_refused")
        raise self._away(said, _patience(response))

    def _away(self, why: str, retry_after_s: float = PATIENCE_S[0]) -> UnavailableError:
        return UnavailableError(f"{self.device} does not recognize speech now: {why}", retry_after_s=retry_after_s)

    def _rest_s(self) -> float:
        """Seconds until the breaker lets a request through."""
        opened = self._memory.opened_at or datetime.now(UTC)
        return max(0.0, self._away_s - (datetime.now(UTC) - opened).total_seconds())


class _Told(CircuitBreakerListener):
    """Says so when the endpoint goes away and comes back."""

    def __init__(self, device: str) -> None:
        self._device = device

    def state_change(
        self, cb: CircuitBreaker, old_state: CircuitBreakerState | None, new_state: CircuitBreakerState
    ) -> None:
        log.warning("breaker_changed", recognizer=self._device, state=new_state.name)


def _root(url: str) -> httpx.URL:
    try:
        root = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ModelError(f"not the URL of a recognizer: {error}") from None
    if not root.host:
        raise ModelError(f"not the URL of a recognizer: {url!r} names no host")
    return root


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm)
    return file.getvalue()


def _read(response: httpx.Response, until: float) -> bytes:
    """The body. Raises HTTPError when it is too long, or has not ended by `until`, however steadily it trickles."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer does not end")
        if len(body) > LONGEST_ANSWER:
            raise httpx.DecodingError("the answer is too long")
    return bytes(body)


def _patience(response: httpx.Response) -> float:
    """Seconds that the endpoint asks for (RFC 9110, Retry-After)."""
    shortest, longest = PATIENCE_S
    said = response.headers.get("Retry-After", "")
    return min(max(shortest, float(said)), longest) if said.isdecimal() else shortest
