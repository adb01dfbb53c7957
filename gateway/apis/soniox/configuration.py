"""The configuration of a Soniox session, its first message, and the native options that it stands for. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.errors import ProtocolError
from backend.messages.languages import flores_code, whisper_code
from backend.messages.options import ENDPOINT_MS, MAX_HOTWORDS, MAX_LANGUAGES, MAX_PROMPT, SAMPLE_BYTES, spoken_language
from backend.messages.protocol import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioFormat
from gateway.apis.json_frames import parse_json

# The first bytes tell which of them it is.
_CONTAINERS = ("auto", "wav", "ogg", "webm")
# Soniox's range. Without a value, the native default is used.
MIN_DELAY_MS, MAX_DELAY_MS = 500, 3_000
MAX_REFERENCE = 256
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class SonioxTranslation:
    """The wanted translations. Languages are codes without a region."""

    # One-way.
    target: str = ""
    # Two-way: speech in one of them is translated into the other.
    between: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        return self.between or (self.target,)

    def target_of(self, language: str) -> str | None:
        """The language into which speech is translated, or None."""
        spoken = language.partition("-")[0]
        if not self.between:
            return None if spoken == self.target.partition("-")[0] else self.target
        first, second = self.between
        pairs = {first.partition("-")[0]: second, second.partition("-")[0]: first}
        return pairs.get(spoken)


@dataclass(frozen=True, slots=True)
class SonioxConfiguration:
    """The fields in native terms. `audio` None means that the first bytes tell the container."""

    key: str
    audio: AudioFormat | None
    hints: tuple[str, ...]
    hotwords: str
    prompt: str
    endpoint_ms: int
    end_tokens: bool
    language_shown: bool
    non_final: bool
    translation: SonioxTranslation | None
    speakers: bool
    reference: str

    @classmethod
    def parse(cls, frame: str) -> "SonioxConfiguration":
        """Parse the first message. Raises ProtocolError."""
        try:
            given = parse_json(frame)
        except (ValueError, RecursionError):
            raise invalid("the first message must be a configuration as JSON") from None
        if not isinstance(given, dict):
            raise invalid("the configuration must be a JSON object")
        fields = {name: value for name, value in given.items() if value is not None}
        hotwords, prompt = _context(fields.get("context"))
        translation = _translation(fields.get("translation"))
        return cls(
            key=_text(fields, "api_key"),
            audio=_audio(fields),
            hints=_hints(fields.get("language_hints", [])),
            hotwords=hotwords,
            prompt=prompt,
            endpoint_ms=_number(fields, "max_endpoint_delay_ms", MIN_DELAY_MS, MAX_DELAY_MS, ENDPOINT_MS),
            end_tokens=_flag(fields, "enable_endpoint_detection"),
            language_shown=_flag(fields, "enable_language_identification") or translation is not None,
            non_final=_flag(fields, "enable_non_final_tokens", default=True),
            translation=translation,
            speakers=_flag(fields, "enable_speaker_diarization"),
            reference=_reference(fields),
        )

    def options(self) -> dict[str, Any]:
        """The fields of a native `start`."""
        return {
            **spoken_language(self.hints),
            "hotwords": self.hotwords,
            "prompt": self.prompt,
            "endpoint_ms": self.endpoint_ms,
            "partials": self.non_final,
            "partial_words": True,
            "words": True,
            "speakers": self.speakers,
            "translate_to": self.translation.targets if self.translation else (),
            "correlation_id": self.reference if _CORRELATION_ID.fullmatch(self.reference) else "",
        }


def invalid(message: str) -> ProtocolError:
    """The error of a message that cannot be used. It ends the session, as at Soniox."""
    return ProtocolError(message[:300], code="invalid_message")


def _audio(fields: Mapping[str, Any]) -> AudioFormat | None:
    encoding = _text(fields, "audio_format") or "auto"
    if encoding in _CONTAINERS:
        return None
    if encoding not in SAMPLE_BYTES:
        raise invalid(f"audio_format must be one of {', '.join((*SAMPLE_BYTES, *_CONTAINERS))}")
    rate = _number(fields, "sample_rate", MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    channels = _number(fields, "num_channels", 1, 2)
    native: Any = encoding
    return AudioFormat(encoding=native, sample_rate=rate, channels=channels)


def _hints(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
        raise invalid("language_hints must be a list of language codes")
    for code in given:
        _checked("language_hints", code)
    # A longer list hardly restricts the detection.
    return tuple(dict.fromkeys(given)) if len(given) <= MAX_LANGUAGES else ()


def _translation(given: Any) -> SonioxTranslation | None:
    if given is None:
        return None
    fields = given if isinstance(given, dict) else {}
    match fields.get("type"):
        case "one_way":
            return SonioxTranslation(target=_target(fields, "target_language"))
        case "two_way":
            first, second = _target(fields, "language_a"), _target(fields, "language_b")
            if first.partition("-")[0] == second.partition("-")[0]:
                raise invalid("translation: language_a and language_b must be different languages")
            return SonioxTranslation(between=(first, second))
    raise invalid('translation: type must be "one_way" or "two_way"')


def _target(fields: Mapping[str, Any], name: str) -> str:
    code = _text(fields, name)
    try:
        flores_code(code)
    except ProtocolError as error:
        raise invalid(f"translation: {name}: {error.message}") from None
    return code


def _context(given: Any) -> tuple[str, str]:
    """Hotwords and prompt."""
    if given is None:
        return "", ""
    if isinstance(given, str):  # as for Soniox's first models
        return "", given[:MAX_PROMPT]
    if not isinstance(given, dict):
        raise invalid("context must be an object")
    if given.get("translation_terms"):
        raise invalid("context: translation_terms are not served: translations cannot be prescribed")
    terms = given.get("terms") or []
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise invalid("context: terms must be a list of strings")
    return ", ".join(terms)[:MAX_HOTWORDS], _text(given, "text")[:MAX_PROMPT]


def _reference(fields: Mapping[str, Any]) -> str:
    reference = _text(fields, "client_reference_id")
    if len(reference) > MAX_REFERENCE:
        raise invalid(f"client_reference_id has more than {MAX_REFERENCE} characters")
    return reference


def _checked(name: str, code: str) -> None:
    try:
        whisper_code(code)
    except ProtocolError as error:
        raise invalid(f"{name}: {error.message}") from None


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    return value or ""


def _flag(fields: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false")
    return value


def _number(fields: Mapping[str, Any], name: str, lowest: int, highest: int, default: int | None = None) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise invalid(f"{name} must be {lowest} to {highest}")
    return value
