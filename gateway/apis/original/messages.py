"""Messages of the first Nova Voice's protocol. Pure.

Binary frames are a length in 4 bytes (little-endian), as many bytes of JSON, and audio. Text frames are JSON objects.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from backend.errors import ProtocolError
from backend.messages.languages import flores_code, needs_no_translation, whisper_code
from gateway.apis.json_frames import parse_json

LENGTH_BYTES = 4
# The clients send about 20 bytes.
MAX_METADATA_BYTES = 4_096
# As a source: the language is detected. As a target: no translation.
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class AudioMessage:
    """16-bit little-endian samples of one channel."""

    sample_rate: int
    pcm: bytes

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse a binary frame. Raises ProtocolError."""
        begin = LENGTH_BYTES + int.from_bytes(frame[:LENGTH_BYTES], "little")
        if not LENGTH_BYTES < begin <= min(len(frame), LENGTH_BYTES + MAX_METADATA_BYTES):
            raise _invalid(f"a binary frame must begin with the length of its metadata, 1 to {MAX_METADATA_BYTES}")
        rate, pcm = _sample_rate(_metadata(frame[LENGTH_BYTES:begin])), frame[begin:]
        if len(pcm) % 2:
            raise ProtocolError("the audio must be whole samples of 16 bits", code="invalid_audio", close_code=1007)
        return cls(rate, pcm)


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        found = parse_json(data.decode())
    except (ValueError, RecursionError):
        raise ProtocolError("the metadata is not JSON", code="invalid_json", close_code=1007) from None
    if not isinstance(found, dict):
        raise _invalid("the metadata must be a JSON object")
    return found


def _sample_rate(metadata: dict[str, Any]) -> int:
    """The rate in Hz. Whether it is served is checked when the session starts."""
    for name, served in (("channels", 1), ("bitsPerSample", 16)):
        if metadata.get(name, served) != served:
            raise ProtocolError(f"{name} must be {served}", code="invalid_audio", close_code=1007)
    rate = metadata.get("sampleRate")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate != rate // 1:
        raise _invalid("sampleRate must be a whole number")
    return int(rate)


def parse_message(frame: str) -> dict[str, Any]:
    """Parse a text frame. Raises ProtocolError."""
    try:
        found = parse_json(frame)
    except (ValueError, RecursionError):
        raise ProtocolError("a text frame must be JSON", code="invalid_json", close_code=1007, fatal=False) from None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise _invalid('a message must be a JSON object with a string "type"', fatal=False)
    return found


@dataclass(frozen=True, slots=True)
class LanguagePair:
    """The languages that `set_langs` chooses."""

    source: str = AUTO
    target: str = AUTO

    @property
    def is_translated(self) -> bool:
        """Whether there is a translation: as before, not if both languages are the same."""
        return self.target not in (AUTO, self.source)

    def updated(self, message: dict[str, Any]) -> "LanguagePair":
        """The pair after `set_langs`. A missing field keeps its value. Raises ProtocolError, not fatal."""
        source, target = (_code(message, f"{name}_language", getattr(self, name)) for name in ("source", "target"))
        for code, check in ((source, whisper_code), (target, flores_code)):
            if code != AUTO:
                _check(code, check)
        return LanguagePair(source, target)

    def options(self) -> dict[str, Any]:
        """The fields of a native `start` or `configure`."""
        return {"language": self.source, "translate_to": (self.target,) if self.is_translated else ()}

    def is_target(self, language: str) -> bool:
        """Whether text in this language is its own translation."""
        if not self.is_translated:
            return False
        try:
            return needs_no_translation(flores_code(language), flores_code(self.target))
        except ProtocolError:
            return False


def _code(message: dict[str, Any], name: str, default: str) -> str:
    code = message.get(name, default)
    if not isinstance(code, str):
        raise _invalid(f"{name} must be a string", fatal=False)
    return code


def _check(code: str, check: Any) -> None:
    try:
        check(code)
    except ProtocolError as error:
        raise ProtocolError(error.message[:300], code=error.code, fatal=False) from None


def status(client: str, languages: LanguagePair) -> str:
    """The languages of a client."""
    return _frame(
        type="status",
        client_id=client,
        source_language=languages.source,
        target_language=languages.target,
        translation_enabled=languages.is_translated,
    )


def realtime(text: str, translation: str, segment: int) -> str:
    """The text of the utterance so far. `processing_time` is not known here: 0 is the protocol's default."""
    return _frame(type="realtime", text=text, translation=translation, segment_id=str(segment), processing_time=0.0)


def utterance_end(client: str) -> str:
    """The last `realtime` is final."""
    return _frame(type="utterance_end", client_id=client)


def error_message(code: str, message: str) -> str:
    """An error. The clients show `message`; `code` is ours."""
    return _frame(type="error", message=message, code=code)


def _frame(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False)


def _invalid(message: str, *, fatal: bool = True) -> ProtocolError:
    return ProtocolError(message, code="invalid_message", fatal=fatal)
