"""Renders the cues of a subtitle file that grows. Cues in the file never change. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from backend.cli.files.subtitles.cues import split_into_cues
from backend.cli.files.subtitles.formats import VTT_HEADER, srt_cue, vtt_cue
from backend.cli.files.subtitles.limits import MIN_CUE_MS, CueLimits
from backend.cli.files.subtitles.timing import Cue
from backend.cli.files.subtitles.units import TimedText

SubtitleForm = Literal["srt", "vtt"]


class CueWriter:
    """One subtitle file. Each piece that it returns ends with an empty line, so that the file is valid after it."""

    def __init__(self, form: SubtitleForm, limits: CueLimits) -> None:
        self.header = f"{VTT_HEADER}\n" if form == "vtt" else ""
        self._form, self._limits = form, limits
        self._count, self._end_ms, self._voice = 0, 0, ""

    def render(self, utterance: Iterable[TimedText]) -> list[str]:
        """The cues of an utterance, which may have parts by several speakers."""
        return [self._render(self._after_last(cue)) for cue in split_into_cues(utterance, self._limits)]

    def _after_last(self, cue: Cue) -> Cue:
        """A cue stays for a moment after its speech. The next cue begins after it, because it is written."""
        start_ms = max(cue.start_ms, self._end_ms)
        self._end_ms = max(cue.end_ms, start_ms + MIN_CUE_MS)
        voice = f"Speaker {cue.voice}" if cue.voice else ""
        return replace(cue, start_ms=start_ms, end_ms=self._end_ms, voice=voice)

    def _render(self, cue: Cue) -> str:
        self._count += 1
        before, self._voice = self._voice, cue.voice
        return (srt_cue(self._count, cue, before) if self._form == "srt" else vtt_cue(cue)) + "\n"
