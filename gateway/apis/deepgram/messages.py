"""Deepgram's messages, made from native events. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.cli.files.speaker_parts import speaker_of
from backend.messages.protocol import Error, Final, Word
from backend.text.normalize import letters

# Where a model would be described. Deepgram's clients require the fields.
MODEL_INFO = {"name": "nova-voice", "version": "1", "arch": "whisper"}
_ERROR_NAMES: Mapping[str, str] = {
    "unauthorized": "INVALID_AUTH",
    "forbidden": "INSUFFICIENT_PERMISSIONS",
    "over_quota": "TOO_MANY_REQUESTS",
    "too_many_connections": "TOO_MANY_REQUESTS",
    "overloaded": "SERVICE_UNAVAILABLE",
    "draining": "SERVICE_UNAVAILABLE",
    "redis_unavailable": "SERVICE_UNAVAILABLE",
    "internal": "INTERNAL_SERVER_ERROR",
    "overdue": "INTERNAL_SERVER_ERROR",
    "model_unavailable": "INTERNAL_SERVER_ERROR",
    "max_attempts": "INTERNAL_SERVER_ERROR",
    "foreign_origin": "INSUFFICIENT_PERMISSIONS",
    "invalid_parameter": "INVALID_QUERY_PARAMETER",
    "not_media": "Bad Request",
    "file_too_large": "PAYLOAD_TOO_LARGE",
    "remote_content": "REMOTE_CONTENT_ERROR",
    "upload_timeout": "SLOW_UPLOAD",
}


def results(
    request_id: str,
    channel_index: Sequence[int],
    alternative: Mapping[str, Any],
    *,
    start_ms: int,
    end_ms: int,
    is_final: bool,
    speech_final: bool = False,
    from_finalize: bool = False,
) -> dict[str, Any]:
    """A `Results` message. `channel_index` is the number of the channel from 0, and the number of channels."""
    return {
        "type": "Results",
        "channel_index": channel_index,
        "start": start_ms / 1000,
        "duration": max(0, end_ms - start_ms) / 1000,
        "is_final": is_final,
        "speech_final": speech_final,
        "from_finalize": from_finalize,
        "channel": {"alternatives": [alternative]},
        "metadata": {"request_id": request_id, "model_info": MODEL_INFO, "model_uuid": request_id},
    }


def alternative(text: str, confidence: float, finals: Sequence[Final] = ()) -> dict[str, Any]:
    """A transcript, with the words of these finals."""
    words = [_word(word, speaker_of(final, word)) for final in finals for word in final.words or ()]
    return {"transcript": text, "confidence": confidence, "words": words}


def _word(word: Word, speaker: str | None) -> dict[str, Any]:
    """Deepgram's `word` has no case and no punctuation, `punctuated_word` has both."""
    return {
        "word": letters(word.word) or word.word.strip(),
        "punctuated_word": word.word.strip(),
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        "confidence": word.confidence,
        **_speaker(speaker),
    }


def _speaker(label: str | None) -> dict[str, int]:
    """Deepgram counts speakers from 0."""
    return {} if label is None else {"speaker": int(label) - 1}


def metadata(
    request_id: str,
    sha256: str,
    created: datetime,
    duration_s: float,
    *,
    channels: int = 1,
    tags: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The fields of `Metadata`, and of `metadata` in a response about a recording."""
    return {
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration": round(duration_s, 3),
        "channels": channels,
        "models": [request_id],
        "model_info": {request_id: MODEL_INFO},
        **({"tags": list(tags)} if tags else {}),
        **({"extra": dict(extra)} if extra else {}),
    }


def recording_channel(finals: Sequence[Final], text: str, *, detected: str | None) -> dict[str, Any]:
    """One of the `channels` in a response about a recording. `detected` is its language, if that is asked for."""
    seconds = sum(final.end_ms - final.start_ms for final in finals)
    confidence = (
        sum(final.confidence * (final.end_ms - final.start_ms) for final in finals) / seconds if seconds else 0.0
    )
    channel: dict[str, Any] = {"alternatives": [alternative(text, confidence, finals)]}
    if detected is not None:
        channel["detected_language"] = detected
        channel["language_confidence"] = _language_confidence(finals, detected)
    return channel


def _language_confidence(finals: Sequence[Final], language: str) -> float:
    """The mean probability of the language in the audio of its finals."""
    known = [
        (final.language_probability, final.end_ms - final.start_ms)
        for final in finals
        if final.language == language and final.language_probability is not None
    ]
    seconds = sum(weight for _, weight in known)
    return sum(probability * weight for probability, weight in known) / seconds if seconds else 0.0


def recording_utterance(final: Final, number: int) -> dict[str, Any]:
    """One of the `utterances` in a response about a recording: what one speaker says. `number` is unique in it."""
    return {
        "start": final.start_ms / 1000,
        "end": final.end_ms / 1000,
        "channel": final.channel or 0,
        "id": f"utterance-{number}",
        **alternative(final.text, final.confidence, [final]),
        **_speaker(final.speaker),
    }


def close_frame(code: int, reason: str) -> tuple[int, str]:
    """Deepgram's codes: 1008 for audio that cannot be decoded, 1011 for timeouts and failures of the server."""
    if reason == "idle_timeout":
        return 1011, "NET-0001"
    if reason.startswith(("invalid_", "unsupported_")):
        return 1008, "DATA-0000"
    return (1011, reason) if code in (1012, 1013) else (code, reason)


def error_body(error: Error, request_id: str) -> str:
    """The body of an HTTP error."""
    name = _ERROR_NAMES.get(error.code, "Bad Request")
    return json.dumps({"err_code": name, "err_msg": error.message, "request_id": request_id}, ensure_ascii=False)
