"""The configuration of a Realtime transcription session, in OpenAI's present form and in its beta form. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backend.errors import ProtocolError
from backend.messages.languages import whisper_code
from backend.messages.options import MAX_HOTWORDS, MAX_LANGUAGES, MAX_PROMPT, spoken_language
from backend.messages.protocol import AudioFormat

# Audio of the present form, and of the beta form. PCM has 24 kHz, G.711 has 8 kHz.
_FORMATS = {
    "audio/pcm": AudioFormat(encoding="pcm_s16le", sample_rate=24_000),
    "audio/pcmu": AudioFormat(encoding="mulaw", sample_rate=8_000),
    "audio/pcma": AudioFormat(encoding="alaw", sample_rate=8_000),
}
_BETA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
LOGPROBS = "item.input_audio_transcription.logprobs"
# OpenAI's default silence, and the range of `endpoint_ms`.
DEFAULT_SILENCE_MS, MIN_SILENCE_MS, MAX_SILENCE_MS = 500, 200, 5_000
# For each eagerness of semantic_vad: the silence that ends a turn where no worker judges turns, and the one that ends a
# turn whose speaker has probably not finished. The latter are OpenAI's.
_EAGERNESS_MS = {"low": (1_500, 8_000), "medium": (800, 4_000), "auto": (800, 4_000), "high": (400, 2_000)}
SEMANTIC_THRESHOLD = 0.7
_VAD_FIELDS: Mapping[str, tuple[type, ...]] = {
    "threshold": (int, float),
    "prefix_padding_ms": (int,),
    "silence_duration_ms": (int,),
    "idle_timeout_ms": (int, type(None)),
    "create_response": (bool,),
    "interrupt_response": (bool,),
    "eagerness": (str,),
    "type": (str,),
}


class InvalidFieldError(ValueError):
    """A field of the session has an invalid value. `param` is the path of the field."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param, self.message = param, message


@dataclass(frozen=True, slots=True)
class TranscriptionSession:
    """The configuration of a client. Without `turn_detection`, the client commits its audio itself."""

    model: str = ""
    audio: str = "audio/pcm"
    languages: tuple[str, ...] = ()
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    turn_detection: Mapping[str, Any] | None = None
    noise_reduction: Mapping[str, Any] | None = None
    include: tuple[str, ...] = ()

    @property
    def format(self) -> AudioFormat:
        """The format of the audio that the client appends."""
        return _FORMATS[self.audio]

    @property
    def wants_logprobs(self) -> bool:
        return LOGPROBS in self.include

    def options(self) -> dict[str, Any]:
        """The fields of a native `start` or `configure`."""
        return {
            **spoken_language(self.languages),
            "prompt": self.prompt[-MAX_PROMPT:],
            "hotwords": ", ".join(self.keywords)[:MAX_HOTWORDS],
            "decoding": self.wants_logprobs,
            # Deltas are committed words, which must be the beginning of the transcript.
            "finals": "stable",
            "endpoint_ms": self._endpoint_ms(),
            # An item is a turn of the speaker, so it is divided only where it must be.
            "clause_ms": 0,
            **self._turn_options(),
            "endpointing": self.turn_detection is not None,
        }

    def _endpoint_ms(self) -> int:
        turns = self.turn_detection or {}
        silence_ms: int = turns.get("silence_duration_ms", DEFAULT_SILENCE_MS)
        if eagerness := self._eagerness:
            silence_ms, _ = eagerness
        return min(max(silence_ms, MIN_SILENCE_MS), MAX_SILENCE_MS)

    @property
    def _eagerness(self) -> tuple[int, int] | None:
        turns = self.turn_detection or {}
        return _EAGERNESS_MS[turns.get("eagerness", "auto")] if turns.get("type") == "semantic_vad" else None

    def _turn_options(self) -> dict[str, Any]:
        if self._eagerness is None:
            return {"turn_threshold": 0.0}
        return {"turn_threshold": SEMANTIC_THRESHOLD, "turn_max_ms": self._eagerness[1]}

    def check(self, knows_model: Callable[[str], bool]) -> None:
        """Raise InvalidFieldError for a model or languages that are not served. `knows_model`: whether a name is."""
        where = "session.audio.input.transcription"
        if self.model and not knows_model(self.model):
            raise InvalidFieldError(f"{where}.model", f"unknown model {self.model!r}")
        if len(self.languages) > MAX_LANGUAGES:
            raise InvalidFieldError(f"{where}.languages", f"must have at most {MAX_LANGUAGES}")
        try:
            for language in self.languages:
                whisper_code(language)
        except ProtocolError as error:
            raise InvalidFieldError(f"{where}.language", error.message) from None

    def updated(self, change: Mapping[str, Any]) -> "TranscriptionSession":
        """The session after `session.update` with this `session`. Raises InvalidFieldError."""
        kind = change.get("type", "transcription")
        if kind != "transcription":
            raise InvalidFieldError("session.type", f"only sessions of type 'transcription' are served, not {kind!r}")
        audio = _object(change, "audio", "session")
        given = _object(audio, "input", "session.audio")
        session = replace(self, include=_include(change, self.include))
        if "format" in given:
            session = replace(session, audio=_audio_type(given["format"]))
        return session._with_input(given, _object(given, "transcription", "session.audio.input"), "session.audio.input")

    def updated_beta(self, change: Mapping[str, Any]) -> "TranscriptionSession":
        """The session after `transcription_session.update`, the beta form. Raises InvalidFieldError."""
        session = replace(self, include=_include(change, self.include))
        if (name := change.get("input_audio_format")) is not None:
            if name not in _BETA_FORMATS:
                raise InvalidFieldError("session.input_audio_format", f"must be one of {', '.join(_BETA_FORMATS)}")
            session = replace(session, audio=_BETA_FORMATS[name])
        given = dict(change)
        if "input_audio_noise_reduction" in change:
            given["noise_reduction"] = change["input_audio_noise_reduction"]
        return session._with_input(given, _object(change, "input_audio_transcription", "session"), "session")

    def _with_input(
        self, given: Mapping[str, Any], transcription: Mapping[str, Any], where: str
    ) -> "TranscriptionSession":
        for field in ("model", "language", "prompt"):
            if not isinstance(transcription.get(field), str | None):
                raise InvalidFieldError(f"{where}.transcription.{field}", "must be a string")
        session = replace(
            self,
            model=transcription.get("model") or self.model,
            languages=_languages(transcription, self.languages, f"{where}.transcription.languages"),
            prompt=_given(transcription, "prompt", self.prompt),
        )
        if (keywords := transcription.get("keywords")) is not None:
            session = replace(session, keywords=_strings(keywords, f"{where}.transcription.keywords"))
        if "turn_detection" in given:
            session = replace(session, turn_detection=_turn_detection(given["turn_detection"], where))
        elif session.turn_detection is SERVER_VAD:
            session = replace(session, turn_detection=default_turn_detection(session.model))
        if "noise_reduction" in given:
            if not isinstance(given["noise_reduction"], dict | None):
                raise InvalidFieldError(f"{where}.noise_reduction", "must be an object")
            session = replace(session, noise_reduction=given["noise_reduction"])
        return session

    def as_json(self, session_id: str, expires_at: int | None = None) -> dict[str, Any]:
        """The `session` object of `session.created` and `session.updated`."""
        rate = {"rate": self.format.sample_rate} if self.audio == "audio/pcm" else {}
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "type": "transcription",
            "expires_at": expires_at,
            "audio": {
                "input": {
                    "format": {"type": self.audio, **rate},
                    "transcription": self._transcription(),
                    "noise_reduction": self.noise_reduction,
                    "turn_detection": self.turn_detection,
                }
            },
            "include": list(self.include) or None,
        }

    def as_beta_json(self, session_id: str, expires_at: int | None = None) -> dict[str, Any]:
        """The `session` object of `transcription_session.created` and `transcription_session.updated`."""
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "expires_at": expires_at,
            "modalities": ["audio", "text"],
            "input_audio_format": next(name for name, audio in _BETA_FORMATS.items() if audio == self.audio),
            "input_audio_transcription": self._transcription(),
            "input_audio_noise_reduction": self.noise_reduction,
            "turn_detection": self.turn_detection,
            "include": list(self.include) or None,
        }

    def _transcription(self) -> dict[str, Any]:
        keywords = {"keywords": list(self.keywords)} if self.keywords else {}
        several = {"languages": list(self.languages)} if len(self.languages) > 1 else {}
        language = self.languages[0] if len(self.languages) == 1 else None
        return {"model": self.model, "language": language, **several, "prompt": self.prompt, **keywords}


SERVER_VAD: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": DEFAULT_SILENCE_MS,
}


# OpenAI has no turn detection for these models: the client commits.
_COMMIT_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")


def default_turn_detection(model: str) -> Mapping[str, Any] | None:
    """The turn detection of a session whose client has not chosen one."""
    return None if model.startswith(_COMMIT_MODELS) else SERVER_VAD


def _turn_detection(given: Any, where: str) -> Mapping[str, Any] | None:
    if given is None:
        return None
    where = f"{where}.turn_detection"
    if not isinstance(given, dict):
        raise InvalidFieldError(where, "must be an object or null")
    kind = given.get("type", "server_vad")
    if kind not in ("server_vad", "semantic_vad"):
        raise InvalidFieldError(f"{where}.type", "must be 'server_vad' or 'semantic_vad'")
    for field, value in given.items():
        types = _VAD_FIELDS.get(field)
        if types is None:
            raise InvalidFieldError(f"{where}.{field}", f"unknown parameter: {where}.{field}")
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise InvalidFieldError(f"{where}.{field}", f"invalid value: {value!r}")
    if given.get("eagerness", "auto") not in _EAGERNESS_MS:
        raise InvalidFieldError(f"{where}.eagerness", f"must be one of {', '.join(_EAGERNESS_MS)}")
    return {**SERVER_VAD, **given} if kind == "server_vad" else {"eagerness": "auto", **given}


def _audio_type(given: Any) -> str:
    kind = given.get("type") if isinstance(given, dict) else given
    if kind not in _FORMATS:
        raise InvalidFieldError("session.audio.input.format.type", f"must be one of {', '.join(_FORMATS)}")
    rate = given.get("rate") if isinstance(given, dict) else None
    if rate is not None and rate != _FORMATS[kind].sample_rate:
        raise InvalidFieldError("session.audio.input.format.rate", f"must be {_FORMATS[kind].sample_rate}")
    return str(kind)


def _languages(transcription: Mapping[str, Any], present: tuple[str, ...], where: str) -> tuple[str, ...]:
    """The language, or the languages to choose from; empty: all."""
    if transcription.get("languages") is not None:
        return _strings(transcription["languages"], where)
    if "language" not in transcription:
        return present
    return (transcription["language"],) if transcription["language"] else ()


def _given(fields: Mapping[str, Any], name: str, present: str) -> str:
    """A string that is given, "" for null, or the present value if the field is missing."""
    return fields[name] or "" if name in fields else present


def _include(change: Mapping[str, Any], present: tuple[str, ...]) -> tuple[str, ...]:
    given = change.get("include", present)
    return () if given is None else _strings(given, "session.include")


def _strings(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InvalidFieldError(where, "must be an array of strings")
    return tuple(given)


def _object(parent: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    given = parent.get(field)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidFieldError(f"{where}.{field}", "must be an object")
    return given
