"""Subtitle files of the page, read by the parsers of other projects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import srt
import webvtt


@dataclass(frozen=True, slots=True)
class ParsedCue:
    """Times in milliseconds, and the text without its line breaks."""

    start_ms: int
    end_ms: int
    text: str


def parse_srt(content: str) -> list[ParsedCue]:
    """Cues of a SubRip file. Raises srt.SRTParseError for everything that is not a cue, AssertionError for a number."""
    found = list(srt.parse(content, ignore_errors=False))
    assert [cue.index for cue in found] == [*range(1, len(found) + 1)]
    return [ParsedCue(_ms(cue.start), _ms(cue.end), _in_one_line(cue.content)) for cue in found]


def parse_vtt(content: str) -> list[ParsedCue]:
    """Cues of a WebVTT file. Raises webvtt.errors.MalformedFileError and MalformedCaptionError."""
    cues = webvtt.from_string(content).captions
    return [ParsedCue(_clock_ms(cue.start), _clock_ms(cue.end), _in_one_line(cue.text)) for cue in cues]


def check_subtitles(downloads: Mapping[str, str], name: str, seconds: float) -> list[ParsedCue]:
    """Check that SubRip and WebVTT have the same cues, one after the other, within the recording. Returns them."""
    cues = parse_srt(downloads[f"{name}.srt"])
    assert parse_vtt(downloads[f"{name}.vtt"]) == cues != []
    assert all(cue.text and cue.start_ms < cue.end_ms for cue in cues)
    assert all(cue.end_ms <= later.start_ms for cue, later in pairwise(cues))
    assert cues[-1].end_ms <= seconds * 1_000 + 500
    return cues


def _ms(time: timedelta) -> int:
    return round(time / timedelta(milliseconds=1))


def _clock_ms(time: str) -> int:
    hours, minutes, seconds = time.split(":")
    return round((int(hours) * 3_600 + int(minutes) * 60 + float(seconds)) * 1_000)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
