"""Captions for the tests of sinks."""

from backend.cli.files.subtitles.units import TimedText, TimedWord
from backend.cli.sinks.captions import LiveCaption


def caption(*lines: str, language: str = "en", spoken_at: float = 1.5) -> LiveCaption:
    return LiveCaption(lines or ("Hello.",), language, spoken_at)


def utterance(text: str, start_ms: int = 0, end_ms: int = 1_000, language: str = "en") -> list[TimedText]:
    return [TimedText([TimedWord(text, start_ms, end_ms)], language)]
