"""Any OpenAI-compatible speech endpoint (`/v1/audio/transcriptions`, `/v1/audio/translations`) as a recognizer.

Two kinds of failure are distinguished. An endpoint that refuses the audio raises EntryError: retrying is useless. An
endpoint that is unavailable raises UnavailableError, and a circuit breaker stops further requests for a while.
"""

import hashlib
import io
import time
import wave
from collections.abc import Collection, Sequence
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
from stt_worker.recognizers.verbose_json import VerboseTranscription

log = structlog.get_logger()

# These statuses mean that the endpoint refuses this audio. A wrong key or URL (401, 404) affects all audio and is
# treated as unavailability, so that no entry is lost until an operator fixes it.
REFUSAL_STATUSES = frozenset({400, 413, 415, 422})
CONNECT_TIMEOUT_S = 5.0
# The delay before the next attempt if the endpoint names none, and the longest one that it may ask for.
MIN_RETRY_AFTER_S, MAX_RETRY_AFTER_S = 1.0, 60.0
MAX_ANSWER_BYTES = 4_000_000
# Answers kept from batches in which another request failed; a batch has at most 256 entries.
MAX_KEPT_ANSWERS = 256


@dataclass(frozen=True)
class TranscriptionRequest:
    """The form fields and the WAV file posted for one piece of audio, and the path below the root of the API."""

    fields: tuple[tuple[str, str], ...]
    wav: bytes
    path: str = "audio/transcriptions"

    @cached_property
    def digest(self) -> bytes:
        """Equal for equal requests."""
        return hashlib.sha256(repr((self.path, self.fields)).encode() + self.wav).digest()


class RemoteRecognizer:
    """A `Recognizer` that sends audio to an HTTP endpoint.

    `url` is the root of the API ("http://host:8000/v1"). Raises ModelError for an invalid URL; nothing is sent yet.
    After `failures` failed requests in a row, no request is sent for `away_s` seconds; one successful request then
    closes the circuit breaker again. `translates`: whether the endpoint also serves translations into English.
    """

    engine = "remote"
    uses_prompts = uses_hotwords = measures_words = True

    def __init__(
        self,
        url: str,
        *,
        model: str,
        key: SecretStr,
        timeout_s: float = 30.0,
        at_once: int = 4,
        translates: bool = False,
        failures: int = 3,
        away_s: float = 10.0,
    ) -> None:
        secret = key.get_secret_value()
        root = _parse_root(url)
        self._client = httpx.Client(
            base_url=root,
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
        )
        self.model, self.compute_type = model, ""
        self.overlap = self.parallel_batches = 1
        self.languages: Collection[str] | None = None  # the API does not list them
        self.continues_drafts = False
        self.translates = translates
        self.device = root.netloc.decode()
        self._timeout_s, self._away_s = timeout_s, away_s
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="remote")
        self._memory = CircuitMemoryStorage(STATE_CLOSED)
        self._breaker = CircuitBreaker(
            fail_max=failures,
            reset_timeout=away_s,
            exclude=[EntryError],  # a refusal shows that the endpoint works
            listeners=[BreakerLogger(self.device)],
            state_storage=self._memory,
            throw_new_error_on_trip=False,
        )
        self._kept: dict[bytes, VerboseTranscription] = {}

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Return one hypothesis for each piece of audio, in order.

        Raises UnavailableError if the endpoint is unavailable, and otherwise EntryError `audio_refused` if it refuses a
        piece. Answers that did arrive are kept for the next attempt.
        """
        requests = [self._request(speech) for speech in batch]
        with tracing.stage("request", batch):
            futures = [self._pool.submit(self._answer, request) for request in requests]
            wait(futures)
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            answered = [(r.digest, f.result()) for r, f in zip(requests, futures, strict=True) if not f.exception()]
            self._kept = dict([*self._kept.items(), *answered][-MAX_KEPT_ANSWERS:])
            away = [error for error in errors if isinstance(error, UnavailableError)]
            raise max(away, key=lambda error: error.retry_after_s, default=errors[0])
        return [future.result().hypothesis(speech) for future, speech in zip(futures, batch, strict=True)]

    def close(self) -> None:
        """Close threads and connections. A worker does not need this: they end with its process."""
        self._pool.shutdown()
        self._client.close()

    def _request(self, speech: Speech) -> TranscriptionRequest:
        if speech.translate:
            return self._translation(speech)
        fields = {
            "model": self.model,
            "response_format": "verbose_json",
            "temperature": "0",
            "language": speech.language or "",
            "prompt": _prompt(speech),
        }
        granularities = ("segment", "word") if speech.words else ("segment",)
        return TranscriptionRequest(
            (
                *((name, value) for name, value in fields.items() if value),
                *(("timestamp_granularities[]", granularity) for granularity in granularities),
            ),
            _wav(speech.pcm),
        )

    def _translation(self, speech: Speech) -> TranscriptionRequest:
        """Translations have neither a language nor granularities in the API."""
        fields = (("model", self.model), ("response_format", "verbose_json"), ("temperature", "0"))
        prompt = _prompt(speech)
        hint = (("prompt", prompt),) if prompt else ()
        return TranscriptionRequest((*fields, *hint), _wav(speech.pcm), "audio/translations")

    def _answer(self, request: TranscriptionRequest) -> VerboseTranscription:
        if kept := self._kept.pop(request.digest, None):
            return kept
        try:
            # Not `call`: it holds the breaker's lock during the request, so requests would not run in parallel.
            with self._breaker.calling():
                answer = self._post(request)
        except CircuitBreakerError:
            message = f"{self.device} is unavailable: the circuit breaker is open"
            raise UnavailableError(message, retry_after_s=self._open_for_s()) from None
        return answer

    def _post(self, request: TranscriptionRequest) -> VerboseTranscription:
        data: dict[str, list[str]] = {}
        for name, value in request.fields:
            data.setdefault(name, []).append(value)
        files = {"file": ("speech.wav", request.wav, "audio/wav")}
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._client.stream("POST", request.path, data=data, files=files) as response:
                body = _read(response, deadline)
        except httpx.HTTPError as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error
        if response.is_success:
            try:
                return VerboseTranscription.model_validate_json(body)
            except ValidationError:
                raise self._unavailable("the answer is not a transcription") from None
        answer = f"{response.status_code} {body[:200].decode(errors='replace')}"
        if response.status_code in REFUSAL_STATUSES:
            raise EntryError(f"{self.device} refuses this audio: {answer}", code="audio_refused")
        raise self._unavailable(answer, _retry_after_s(response))

    def _unavailable(self, reason: str, retry_after_s: float = MIN_RETRY_AFTER_S) -> UnavailableError:
        return UnavailableError(f"{self.device} cannot recognize speech now: {reason}", retry_after_s=retry_after_s)

    def _open_for_s(self) -> float:
        """Seconds until the circuit breaker lets a request through."""
        opened = self._memory.opened_at or datetime.now(UTC)
        return max(0.0, self._away_s - (datetime.now(UTC) - opened).total_seconds())


class BreakerLogger(CircuitBreakerListener):
    """Logs when the circuit breaker opens and closes."""

    def __init__(self, device: str) -> None:
        self._device = device

    def state_change(
        self, cb: CircuitBreaker, old_state: CircuitBreakerState | None, new_state: CircuitBreakerState
    ) -> None:
        log.warning("breaker_changed", recognizer=self._device, state=new_state.name)


def _prompt(speech: Speech) -> str:
    return " ".join(filter(None, (speech.hotwords, speech.prompt)))


def _parse_root(url: str) -> httpx.URL:
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
        writer.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        writer.writeframes(pcm)
    return file.getvalue()


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Read the body. Raises HTTPError if it is too long or does not end before the deadline."""
    body = bytearray()
    # httpx times out only when no byte arrives: a slow trickle needs a deadline of its own.
    for chunk in response.iter_bytes():
        body += chunk
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer did not end in time")
        if len(body) > MAX_ANSWER_BYTES:
            raise httpx.DecodingError("the answer is too long")
    return bytes(body)


def _retry_after_s(response: httpx.Response) -> float:
    """The delay that the endpoint asks for (RFC 9110, Retry-After), within limits."""
    value = response.headers.get("Retry-After", "")
    return min(max(MIN_RETRY_AFTER_S, float(value)), MAX_RETRY_AFTER_S) if value.isdecimal() else MIN_RETRY_AFTER_S
