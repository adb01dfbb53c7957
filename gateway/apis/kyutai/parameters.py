"""The query parameters of `/api/asr-streaming`, and the native options that they stand for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.errors import ProtocolError
from backend.messages.languages import whisper_code
from backend.messages.options import ENDPOINT_MS, MAX_HOTWORDS, MAX_PROMPT
from backend.messages.protocol import AudioFormat
from gateway.apis.errors import InvalidRequestError
from gateway.apis.kyutai.messages import SAMPLE_RATE

MIN_ENDPOINT_MS, MAX_ENDPOINT_MS = 200, 5_000
# moshi-server's names of formats. Without "MessagePack", frames are audio alone, and replies are JSON.
PACKED, PACKED_OPUS, RAW, RAW_OPUS = "PcmMessagePack", "OggOpusMessagePack", "Pcm", "OggOpus"
_AUDIO: Mapping[str, AudioFormat] = {
    PACKED: AudioFormat(encoding="pcm_f32le", sample_rate=SAMPLE_RATE),
    PACKED_OPUS: AudioFormat(encoding="ogg"),
    RAW: AudioFormat(encoding="pcm_s16le", sample_rate=SAMPLE_RATE),
    RAW_OPUS: AudioFormat(encoding="ogg"),
}


@dataclass(frozen=True, slots=True)
class KyutaiParameters:
    """The parameters. Kyutai's clients send none but the key."""

    format: str = PACKED
    language: str = "auto"
    hotwords: str = ""
    prompt: str = ""
    endpoint_ms: int = ENDPOINT_MS

    @classmethod
    def parse(cls, query: Mapping[str, str], default_format: str = PACKED) -> "KyutaiParameters":
        """Parse a query string. Raises InvalidRequestError."""
        return cls(
            format=_format(query.get("format", default_format)),
            language=_language(query.get("language", "auto")),
            hotwords=query.get("hotwords", "")[:MAX_HOTWORDS],
            prompt=query.get("prompt", "")[:MAX_PROMPT],
            endpoint_ms=_endpoint_ms(query.get("endpoint_ms", str(ENDPOINT_MS))),
        )

    @property
    def audio(self) -> AudioFormat:
        """The format of the audio."""
        return _AUDIO[self.format]

    @property
    def is_packed(self) -> bool:
        """Whether frames are messages."""
        return self.format in (PACKED, PACKED_OPUS)

    def options(self) -> dict[str, Any]:
        """The fields of a native `start`. Words are sent once they are committed, so finals must begin with them."""
        return {
            "language": self.language,
            "hotwords": self.hotwords,
            "prompt": self.prompt,
            "endpoint_ms": self.endpoint_ms,
            "words": True,
            "partial_words": True,
            "finals": "stable",
        }


def _format(given: str) -> str:
    if given not in _AUDIO:
        raise _invalid("format", f"must be one of {', '.join(_AUDIO)}")
    return given


def _language(given: str) -> str:
    try:
        whisper_code(given)
    except ProtocolError as error:
        raise _invalid("language", error.message) from None
    return given


def _endpoint_ms(given: str) -> int:
    if not given.isdecimal() or len(given) > 9 or not MIN_ENDPOINT_MS <= int(given) <= MAX_ENDPOINT_MS:
        raise _invalid("endpoint_ms", f"must be {MIN_ENDPOINT_MS} to {MAX_ENDPOINT_MS}")
    return int(given)


def _invalid(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name}: {message}", code="invalid_parameter", param=name)
