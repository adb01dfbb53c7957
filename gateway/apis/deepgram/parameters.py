"""The query parameters of `/v1/listen`, and the native options that they stand for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from backend.errors import ProtocolError
from backend.messages.channels import MAX_CHANNELS
from backend.messages.languages import whisper_code
from backend.messages.options import MAX_HOTWORDS, MAX_LANGUAGES, Formatting, spoken_language
from backend.messages.protocol import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioFormat
from gateway.apis.errors import InvalidRequestError

# By Deepgram's name. Without `encoding`, the audio is in a container.
_ENCODINGS: Mapping[str, str] = {"linear16": "pcm_s16le", "mulaw": "mulaw", "alaw": "alaw", "ogg-opus": "ogg"}
MIN_ENDPOINT_MS, MAX_ENDPOINT_MS = 200, 5_000
# Deepgram's minimum.
MIN_UTTERANCE_END_MS = 1_000
# Refused, because a client that asks for one of them would rely on it; with the values that ask for nothing.
_UNSERVED = (
    *("diarize_model", "redact", "replace", "search", "detect_entities"),
    *("sentiment", "summarize", "topics", "intents", "translate"),
)
_METHODS = frozenset({"POST", "PUT"})
_NOTHING = frozenset({"", "false"})
# Accepted without effect: punctuate (the recognizer always does), dictation, model, version, tier, mip_opt_out,
# no_delay, measurements, paragraphs, utt_split


@dataclass(frozen=True, slots=True)
class Callback:
    """The address that receives the results of a recording, and the HTTP method."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class ListenParameters:
    """The parameters in native terms. `audio` None means that the first bytes tell the container."""

    audio: AudioFormat | None
    languages: tuple[str, ...]
    hotwords: str
    formatting: tuple[Formatting, ...]
    endpoint_ms: int
    endpointing: bool
    interim_results: bool
    vad_events: bool
    utterance_end_ms: int | None
    utterances: bool
    detect_language: bool
    diarize: bool
    tags: tuple[str, ...]
    # Returned with the results.
    extra: Mapping[str, str]
    multichannel: bool
    callback: Callback | None

    @classmethod
    def parse(cls, query: Mapping[str, Sequence[str]]) -> "ListenParameters":
        """Parse a query string. Raises InvalidRequestError."""
        for name in _UNSERVED:
            if any(value.lower() not in _NOTHING for value in query.get(name, ())):
                raise invalid(name, "is not served")
        endpointing = _first(query, "endpointing", "10")
        utterance_end = _first(query, "utterance_end_ms", "")
        keywords = [word.partition(":")[0] for word in query.get("keywords", ())]
        return cls(
            audio=audio_format(query),
            languages=_languages(query),
            hotwords=", ".join([*query.get("keyterm", ()), *keywords])[:MAX_HOTWORDS],
            formatting=_formatting(query),
            endpoint_ms=_endpoint_ms(endpointing),
            endpointing=endpointing != "false",
            interim_results=_flag(query, "interim_results"),
            vad_events=_flag(query, "vad_events"),
            utterance_end_ms=_utterance_end_ms(utterance_end) if utterance_end else None,
            utterances=_flag(query, "utterances"),
            detect_language=_detects_language(query),
            diarize=_flag(query, "diarize"),
            tags=tuple(query.get("tag", ())),
            extra=dict(_extra(entry) for entry in query.get("extra", ())),
            multichannel=_flag(query, "multichannel"),
            callback=_callback(query),
        )

    @classmethod
    def parse_live(cls, query: Mapping[str, Sequence[str]]) -> "ListenParameters":
        """Parse the query string of a WebSocket. Raises InvalidRequestError."""
        parameters = cls.parse(query)
        if parameters.callback:
            raise invalid("callback", "is served for recordings only")
        return parameters

    def options(self) -> dict[str, Any]:
        """The fields of a native `start`."""
        return {
            **spoken_language(self.languages),
            "hotwords": self.hotwords,
            "formatting": self.formatting,
            "endpoint_ms": self.endpoint_ms,
            "partials": self.interim_results,
            "words": True,
            "speakers": self.diarize,
        }


def invalid(name: str, message: str) -> InvalidRequestError:
    """The error of a parameter."""
    return InvalidRequestError(f"{name}: {message}", code="invalid_parameter", param=name)


def audio_format(query: Mapping[str, Sequence[str]]) -> AudioFormat | None:
    """The format of raw audio. None for containers. Raises InvalidRequestError."""
    encoding = _first(query, "encoding", "")
    if not encoding:
        return None
    if encoding not in _ENCODINGS:
        raise invalid("encoding", f"must be one of {', '.join(_ENCODINGS)}, or missing for containers")
    if encoding == "ogg-opus":
        return AudioFormat(encoding="ogg")
    rate, channels = _number(query, "sample_rate", None), _number(query, "channels", 1)
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise invalid("sample_rate", f"must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}")
    most = MAX_CHANNELS if _flag(query, "multichannel") else 2
    if not 1 <= channels <= most:
        raise invalid("channels", f"must be 1 to {most}")
    native: Any = _ENCODINGS[encoding]
    return AudioFormat(encoding=native, sample_rate=rate, channels=channels)


def _languages(query: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The spoken language, or the languages to choose from; empty: all."""
    if _detects_language(query):
        name, codes = "detect_language", tuple(code for code in query["detect_language"] if code.lower() != "true")
    else:
        name, codes = "language", (_first(query, "language", "en"),)
    try:
        for code in codes:
            whisper_code("auto" if code == "multi" else code)
    except ProtocolError as error:
        raise invalid(name, error.message) from None
    # Deepgram accepts longer lists, which hardly restrict the detection.
    return () if "multi" in codes or len(codes) > MAX_LANGUAGES else codes


def _formatting(query: Mapping[str, Sequence[str]]) -> tuple[Formatting, ...]:
    """How texts are written. Filler words stay unless the client excludes them, as nothing is formatted unasked."""
    wanted: Mapping[Formatting, bool] = {
        "fillers": _first(query, "filler_words", "true").lower() == "false",
        "profanity": _flag(query, "profanity_filter"),
        "numerals": _flag(query, "numerals") or _flag(query, "smart_format"),
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def _extra(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition(":")
    return name, value


def _callback(query: Mapping[str, Sequence[str]]) -> Callback | None:
    url, method = _first(query, "callback", ""), _first(query, "callback_method", "post").upper()
    if url.lower() in _NOTHING:
        return None
    try:
        address = urlsplit(url)
    except ValueError:
        raise invalid("callback", "is no URL") from None
    if address.scheme not in ("http", "https") or not address.hostname:
        raise invalid("callback", "must begin with http:// or https://")
    if method not in _METHODS:
        raise invalid("callback_method", "must be post or put")
    return Callback(url, method)


def _detects_language(query: Mapping[str, Sequence[str]]) -> bool:
    """`true`, or the languages to choose from."""
    return _first(query, "detect_language", "false").lower() != "false"


def _endpoint_ms(given: str) -> int:
    if given == "false":
        return MAX_ENDPOINT_MS
    if given == "true":
        return MIN_ENDPOINT_MS
    if not given.isdecimal():
        raise invalid("endpointing", "must be a number of milliseconds, or false")
    return min(max(int(given), MIN_ENDPOINT_MS), MAX_ENDPOINT_MS)


def _utterance_end_ms(given: str) -> int:
    if not given.isdecimal() or int(given) < MIN_UTTERANCE_END_MS:
        raise invalid("utterance_end_ms", f"must be at least {MIN_UTTERANCE_END_MS}")
    return int(given)


def _number(query: Mapping[str, Sequence[str]], name: str, default: int | None) -> int:
    given = _first(query, name, "" if default is None else str(default))
    if not given.isdecimal() or len(given) > 9:
        raise invalid(name, "must be a number" if given else "is required with this encoding")
    return int(given)


def _flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    return _first(query, name, "false").lower() == "true"


def _first(query: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    values = query.get(name, ())
    return values[0] if values else default
