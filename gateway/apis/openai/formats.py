"""Transcripts of recordings in OpenAI's response formats. Pure."""

import json
import zlib
from collections.abc import Mapping, Sequence
from math import log
from typing import Any, Literal

from backend.cli.files.subtitles.cues import split_into_cues
from backend.cli.files.subtitles.formats import to_srt, to_vtt
from backend.cli.files.subtitles.units import TimedText, spoken, translated
from backend.errors import ProtocolError
from backend.messages.languages import english_name
from backend.messages.protocol import Final
from backend.text.writing_systems import join_texts

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
FORMATS: tuple[ResponseFormat, ...] = ("json", "text", "srt", "vtt", "verbose_json")
MEDIA_TYPES: Mapping[ResponseFormat, str] = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


class RecordingTranscript:
    """The finals of a recording, and their translations into English if these were requested."""

    def __init__(self, *, translate: bool) -> None:
        self._translate = translate
        self.finals: list[Final] = []
        self.translations: dict[int, str] = {}
        self.audio_s = 0.0

    @property
    def segments(self) -> list[Final]:
        """The finals with text, in order."""
        return sorted((final for final in self.finals if final.text), key=lambda final: final.start_ms)

    @property
    def language(self) -> str:
        """The language of most of the speech, as OpenAI writes it: "english"."""
        durations: dict[str, int] = {}
        for final in self.segments:
            durations[final.language] = durations.get(final.language, 0) + final.end_ms - final.start_ms
        if self._translate:
            return "english"
        try:
            return english_name(max(durations, key=durations.__getitem__, default="en")).lower()
        except ProtocolError:
            return ""

    def text_of(self, final: Final) -> str:
        """The transcript of an utterance, or its translation."""
        return self.translations.get(final.utterance, final.text) if self._translate else final.text

    def text(self) -> str:
        return join_texts(map(self.text_of, self.segments))

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
        extra = {"logprobs": [one for final in self.segments for one in word_logprobs(final)]} if logprobs else {}
        return _json({"text": self.text(), **extra, "usage": self.usage()})

    def usage(self) -> dict[str, Any]:
        """The duration that is charged."""
        return {"type": "duration", "seconds": round(self.audio_s, 3)}

    def _timed(self) -> list[TimedText]:
        if self._translate:
            return [translated(final, self.text_of(final), "en") for final in self.segments]
        return [spoken(final) for final in self.segments]

    def _verbose(self, granularities: Sequence[str]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "task": "translate" if self._translate else "transcribe",
            "language": self.language,
            "duration": round(self.audio_s, 3),
            "text": self.text(),
        }
        if "word" in granularities:
            body["words"] = [
                {"word": word.word.strip(), "start": word.start_ms / 1000, "end": word.end_ms / 1000}
                for final in self.segments
                for word in final.words or ()
            ]
        if "segment" in granularities or not granularities:
            body["segments"] = [self._segment(number, final) for number, final in enumerate(self.segments)]
        return {**body, "usage": self.usage()}

    def _segment(self, number: int, final: Final) -> dict[str, Any]:
        text = self.text_of(final)
        data = text.encode()
        return {
            "id": number,
            # Each utterance is decoded on its own, so the decoder seeks to its start. In frames of 10 ms.
            "seek": final.start_ms // 10,
            "start": final.start_ms / 1000,
            "end": final.end_ms / 1000,
            "text": f" {text}",
            # Tokens belong to a model's vocabulary, which clients do not have.
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": log(max(final.confidence, 1e-6)),
            "compression_ratio": len(data) / len(zlib.compress(data)),
            "no_speech_prob": 0.0,
        }


def word_logprobs(final: Final) -> list[dict[str, Any]]:
    """The log probability of each word: the recognizer's probabilities are means over the tokens of a word."""
    return [
        {"token": word.word, "bytes": list(word.word.encode()), "logprob": log(max(word.confidence, 1e-6))}
        for word in final.words or ()
    ]


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)
