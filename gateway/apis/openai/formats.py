"""Transcripts of recordings in OpenAI's response formats. Pure."""

import json
import zlib
from collections.abc import Mapping, Sequence
from math import log
from typing import Any, Literal

from backend.cli.files.speaker_parts import split_by_speaker
from backend.cli.files.subtitles.cues import split_into_cues
from backend.cli.files.subtitles.formats import to_srt, to_vtt
from backend.cli.files.subtitles.units import TimedText, spoken, translated
from backend.errors import ProtocolError
from backend.messages.languages import english_name
from backend.messages.protocol import Decoding, Final
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingTranscript

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json", "diarized_json"]
FORMATS: tuple[ResponseFormat, ...] = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")
MEDIA_TYPES: Mapping[ResponseFormat, str] = {
    "json": "application/json",
    "verbose_json": "application/json",
    "diarized_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
# Of finals without a decoding, such as those of an older release's workers. OpenAI's clients require the fields. A
# probability of 0 would be a claim.
UNKNOWN_DECODING = Decoding(temperature=0.0, no_speech_probability=0.5)


class Rendering:
    """Renders a transcript. `translate`: its English translation."""

    def __init__(self, transcript: RecordingTranscript, *, translate: bool) -> None:
        self._transcript, self._translate = transcript, translate

    def render(
        self, form: ResponseFormat, granularities: Sequence[str] = ("segment",), *, logprobs: bool = False
    ) -> str:
        """The body of the response."""
        match form:
            case "text":
                return f"{self.text()}\n"
            case "srt":
                return to_srt(split_into_cues(self._timed()))
            case "vtt":
                return to_vtt(split_into_cues(self._timed()))
            case "verbose_json":
                return _json(self._verbose(granularities))
            case "diarized_json":
                return _json(self._diarized())
        return _json(self.json_body(logprobs=logprobs))

    def json_body(self, *, logprobs: bool) -> dict[str, Any]:
        """The body in the format `json`."""
        logs = [one for final in self._transcript.segments for one in token_logprobs(final)]
        return {"text": self.text(), **({"logprobs": logs} if logprobs else {}), "usage": self.usage()}

    def _diarized(self) -> dict[str, Any]:
        finals = self._transcript.segments
        if finals and not any(final.speaker for final in finals):
            raise SpeakersUnavailableError
        segments = [one for final in finals for one in speaker_segments(final)]
        duration = round(self._transcript.audio_s, 3)
        about = {"task": "transcribe", "duration": duration, "text": self.text()}
        return {**about, "segments": segments, "usage": self.usage()}

    def text(self) -> str:
        return self._transcript.text(translated=self._translate)

    def usage(self) -> dict[str, Any]:
        """The duration that is charged."""
        return {"type": "duration", "seconds": round(self._transcript.audio_s, 3)}

    def _text_of(self, final: Final) -> str:
        translations = self._transcript.translations if self._translate else {}
        return translations.get(final.utterance, final.text)

    def _timed(self) -> list[TimedText]:
        if self._translate:
            return [translated(final, self._text_of(final), "en") for final in self._transcript.segments]
        return [spoken(final) for final in self._transcript.segments]

    def _verbose(self, granularities: Sequence[str]) -> dict[str, Any]:
        segments = self._transcript.segments
        body: dict[str, Any] = {
            "task": "translate" if self._translate else "transcribe",
            "language": "english" if self._translate else _language_name(self._transcript.language),
            "duration": round(self._transcript.audio_s, 3),
            "text": self.text(),
        }
        if "word" in granularities:
            body["words"] = [
                {"word": word.word.strip(), "start": word.start_ms / 1000, "end": word.end_ms / 1000}
                for final in segments
                if self._text_of(final) == final.text  # otherwise these are the words before the translation
                for word in final.words or ()
            ]
        if "segment" in granularities or not granularities:
            body["segments"] = [_segment(number, final, self._text_of(final)) for number, final in enumerate(segments)]
        return {**body, "usage": self.usage()}


def _segment(number: int, final: Final, text: str) -> dict[str, Any]:
    data, decoding = text.encode(), final.decoding or UNKNOWN_DECODING
    return {
        "id": number,
        # Each utterance is decoded on its own, so the decoder seeks to its start. In frames of 10 ms.
        "seek": final.start_ms // 10,
        "start": final.start_ms / 1000,
        "end": final.end_ms / 1000,
        "text": f" {text}",
        # A translation by a worker was not made from these tokens.
        "tokens": [token.id for token in decoding.tokens] if text == final.text else [],
        "temperature": decoding.temperature,
        "avg_logprob": log(max(final.confidence, 1e-6)),
        "compression_ratio": len(data) / len(zlib.compress(data)),
        "no_speech_prob": decoding.no_speech_probability,
    }


class SpeakersUnavailableError(InvalidRequestError):
    """No worker can tell speakers apart."""

    def __init__(self) -> None:
        message = "no running model distinguishes speakers; `nova models pull campplus` installs one"
        super().__init__(message, code="speakers_unavailable", param="response_format")


def speaker_segments(final: Final) -> list[dict[str, Any]]:
    """The parts of a final by speaker. The voice of a single final may be unknown, such as after a timeout."""
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{final.utterance}_{number}",
            "start": part.start_ms / 1000,
            "end": part.end_ms / 1000,
            "speaker": _speaker_letter(part),
            "text": part.text,
        }
        for number, part in enumerate(split_by_speaker([final]))
    ]


def _speaker_letter(final: Final) -> str:
    """OpenAI's labels are capital letters."""
    if final.speaker is None:
        return "unknown"
    number = int(final.speaker)
    return chr(ord("A") + number - 1) if number <= 26 else final.speaker


def _language_name(code: str) -> str:
    """The name as OpenAI writes it: "english"."""
    try:
        return english_name(code or "en").lower()
    except ProtocolError:
        return code


def token_logprobs(final: Final) -> list[dict[str, Any]]:
    """The log probability of each token. Bytes of an incomplete character are escaped in `token`: "\\xe4"."""
    tokens = final.decoding.tokens if final.decoding else ()
    return [
        {
            "token": bytes(token.bytes).decode(errors="backslashreplace"),
            "bytes": list(token.bytes),
            "logprob": token.logprob,
        }
        for token in tokens
    ]


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)
