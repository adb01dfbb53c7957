"""The parameters of `/v2/listen` (Flux), and the native options that they stand for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.errors import ProtocolError
from backend.messages.languages import whisper_code
from backend.messages.options import MAX_HOTWORDS, MAX_LANGUAGES, Formatting, spoken_language
from backend.messages.protocol import AudioFormat
from gateway.apis.deepgram.parameters import audio_format, invalid

# Where no worker judges turns, the confidence that a turn is over is its silence, divided by this one.
SURE_MS = 1_000
# Longest silence after which a turn ends, although its speaker has probably not finished.
UNFINISHED_MS = 2_000
# Deepgram's ranges.
EAGER, EOT, TIMEOUT_MS = (0.3, 0.9), (0.5, 1.0), (500, 60_000)


@dataclass(frozen=True, slots=True)
class FluxParameters:
    """The parameters in native terms. `audio` None means that the first bytes tell the container."""

    audio: AudioFormat | None = None
    # Whether the model detects the language; otherwise it is English.
    multilingual: bool = False
    hints: tuple[str, ...] = ()
    keyterms: tuple[str, ...] = ()
    profanity_filter: bool = False
    numerals: bool = False
    eager_threshold: float | None = None
    threshold: float = 0.7
    timeout_ms: int = 5_000

    @classmethod
    def parse(cls, query: Mapping[str, Sequence[str]]) -> "FluxParameters":
        """Parse a query string. Raises InvalidRequestError."""
        model = next(iter(query.get("model", ())), "")
        if not model:
            raise invalid("model", "is required")
        if any(value.lower() not in ("", "false") for value in query.get("redact", ())):
            raise invalid("redact", "is not served")
        thresholds = {
            name: query[name][0]
            for name in ("eager_eot_threshold", "eot_threshold", "eot_timeout_ms")
            if query.get(name)
        }
        parameters = cls(audio=audio_format(query), multilingual=model.endswith("-multi"))
        change: dict[str, Any] = {"thresholds": thresholds, "keyterms": list(query.get("keyterm", ()))}
        for name in ("profanity_filter", "numerals"):
            change[name] = _is_true(query.get(name, ()))
        if hints := query.get("language_hint"):
            change["language_hints"] = list(hints)
        return parameters.configured(change)

    def configured(self, change: Mapping[str, Any]) -> "FluxParameters":
        """Apply the fields of a `Configure`. Missing ones keep their value. Raises InvalidRequestError."""
        thresholds = change.get("thresholds") or {}
        if not isinstance(thresholds, Mapping):
            raise invalid("thresholds", "must be an object")
        changed = self
        if "eager_eot_threshold" in thresholds:
            eager = thresholds["eager_eot_threshold"]
            value = None if eager is None else _number("eager_eot_threshold", eager, EAGER)
            changed = replace(changed, eager_threshold=value)
        if thresholds.get("eot_threshold") is not None:
            changed = replace(changed, threshold=_number("eot_threshold", thresholds["eot_threshold"], EOT))
        if thresholds.get("eot_timeout_ms") is not None:
            timeout = _number("eot_timeout_ms", thresholds["eot_timeout_ms"], TIMEOUT_MS)
            changed = replace(changed, timeout_ms=round(timeout))
        if change.get("keyterms") is not None:
            changed = replace(changed, keyterms=_texts("keyterms", change["keyterms"]))
        if change.get("language_hints") is not None:
            changed = replace(changed, hints=changed._hints(_texts("language_hints", change["language_hints"])))
        if change.get("profanity_filter") is not None:
            changed = replace(changed, profanity_filter=change["profanity_filter"] is True)
        if change.get("numerals") is not None:
            changed = replace(changed, numerals=change["numerals"] is True)
        if changed.eager_threshold is not None and changed.eager_threshold > changed.threshold:
            raise invalid("eager_eot_threshold", "must not exceed eot_threshold")
        return changed

    def _hints(self, hints: tuple[str, ...]) -> tuple[str, ...]:
        if hints and not self.multilingual:
            raise invalid("language_hint", "needs the model flux-general-multi")
        if len(hints) > MAX_LANGUAGES:
            raise invalid("language_hint", f"at most {MAX_LANGUAGES} languages")
        for code in hints:
            try:
                whisper_code(code)
            except ProtocolError as error:
                raise invalid("language_hint", error.message) from None
        return hints

    def thresholds(self) -> dict[str, Any]:
        """The thresholds, as in `ConfigureSuccess`."""
        eager = {} if self.eager_threshold is None else {"eager_eot_threshold": self.eager_threshold}
        return {**eager, "eot_threshold": self.threshold, "eot_timeout_ms": self.timeout_ms}

    @property
    def formatting(self) -> tuple[Formatting, ...]:
        """How texts are written."""
        profanity: tuple[Formatting, ...] = ("profanity",) if self.profanity_filter else ()
        return (*profanity, "numerals") if self.numerals else profanity

    @property
    def endpoint_ms(self) -> int:
        """The silence that ends an utterance."""
        return min(round(SURE_MS * self.threshold), self.timeout_ms)

    @property
    def early_final_ms(self) -> int:
        """The silence after which a turn may be over. 0: it is not announced."""
        return round(SURE_MS * (self.eager_threshold or 0))

    @property
    def is_manual(self) -> bool:
        """Whether no silence ends a turn, but only the timeout. Its utterances are joined."""
        return self.threshold >= 1 and self.timeout_ms > self.endpoint_ms

    @property
    def trigger(self) -> str:
        """The cause of a turn's end, if the client does not end it."""
        return "timeout" if self.timeout_ms < SURE_MS * self.threshold else "model"

    def judged_trigger(self, probability: float) -> str:
        """The same for a turn that a worker has judged."""
        is_unfinished = probability < self.threshold
        return "timeout" if is_unfinished and self.timeout_ms <= UNFINISHED_MS else "model"

    def options(self) -> dict[str, Any]:
        """The fields of a native `start` or `configure`."""
        return {
            **spoken_language(self.hints if self.multilingual else ("en",)),
            "hotwords": ", ".join(self.keyterms)[:MAX_HOTWORDS],
            "formatting": self.formatting,
            "endpoint_ms": self.endpoint_ms,
            "early_final_ms": self.early_final_ms,
            "turn_threshold": 0.0 if self.is_manual else self.threshold,
            "turn_max_ms": min(UNFINISHED_MS, self.timeout_ms),
            "words": True,
            "partial_words": True,
        }


def _is_true(values: Sequence[str]) -> bool:
    return bool(values) and values[0].lower() == "true"


def _number(name: str, given: Any, allowed: tuple[float, float]) -> float:
    lowest, highest = allowed
    try:
        value = float(given) if isinstance(given, int | float | str) and not isinstance(given, bool) else None
    except (ValueError, OverflowError):
        value = None
    if value is None or not lowest <= value <= highest:
        raise invalid(name, f"must be {lowest:g} to {highest:g}")
    return value


def _texts(name: str, given: Any) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid(name, "must be a list of strings")
    return tuple(texts)
