"""What a recording's session has yielded, and how it is written down. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from backend.cli.files.subtitles import Timed, cues, spread, to_srt, to_vtt, words_of
from backend.errors import NovaError
from backend.messages.protocol import Error, Final, Notice, ServerMessage, Translation

Format = Literal["txt", "srt", "vtt", "json"]
SUBTITLES: frozenset[Format] = frozenset({"srt", "vtt"})
_OF_THE_WIRE = {"type", "cursor", "translate_to", "late"}
"""Fields of a final that mean nothing to a reader."""


class IncompleteError(NovaError):
    """A part of what was asked for could not be had; the rest is there. Carries the server's code."""


@dataclass(slots=True)
class Transcript:
    """Utterances in order, their translations, and what went wrong on the way."""

    finals: list[Final] = field(default_factory=list)
    translations: dict[tuple[int, str], str] = field(default_factory=dict)
    """By utterance and language."""
    problems: list[NovaError] = field(default_factory=list)
    """Nothing here: the transcript is whole."""

    @property
    def position_ms(self) -> int:
        """How much of the audio is covered."""
        return self.finals[-1].end_ms if self.finals else 0

    def take(self, event: ServerMessage) -> None:
        """Learn from an event of the session."""
        match event:
            case Final():
                self.finals.append(event)
            case Translation(is_final=True):
                self.translations[event.utterance, event.language] = event.text
            case Error() | Notice(language=str()):
                self.problems.append(IncompleteError(event.message, code=event.code))

    @property
    def spoken(self) -> list[Final]:
        """The utterances that turned out to hold words."""
        return [final for final in self.finals if final.text]


def write(transcript: Transcript, form: Format, targets: Sequence[str]) -> str:
    """The transcript in a form, each line ended; translations into the targets stand in txt and json only."""
    if form == "txt":
        return _txt(transcript, targets)
    if form == "json":
        return _json(transcript, targets)
    return subtitles(transcript, form, None)


def subtitles(transcript: Transcript, form: Format, target: str | None) -> str:
    """A subtitle file (srt or vtt) in the language spoken, or in that of a translation."""
    utterances = (_timed(transcript, final, target) for final in transcript.spoken)
    return (to_srt if form == "srt" else to_vtt)(cues(utterances))


def _timed(transcript: Transcript, final: Final, target: str | None) -> list[Timed]:
    if target is None:
        return words_of(final)
    return spread(transcript.translations.get((final.utterance, target), ""), final.start_ms, final.end_ms)


def _txt(transcript: Transcript, targets: Sequence[str]) -> str:
    """One line an utterance, its translations beneath."""
    lines = []
    for final in transcript.spoken:
        lines.append(final.text)
        there = ((target, transcript.translations.get((final.utterance, target))) for target in targets)
        lines += [f"  {target}: {text}" for target, text in there if text is not None]
    return "".join(f"{line}\n" for line in lines)


def _json(transcript: Transcript, targets: Sequence[str]) -> str:
    utterances = []
    for final in transcript.spoken:
        there = {target: transcript.translations.get((final.utterance, target)) for target in targets}
        utterances.append(
            final.model_dump(exclude=_OF_THE_WIRE, exclude_none=True)
            | ({"translations": {target: text for target, text in there.items() if text is not None}} if there else {})
        )
    problems = [{"code": problem.code, "message": problem.message} for problem in transcript.problems]
    return json.dumps({"utterances": utterances, "problems": problems}, ensure_ascii=False, indent=2) + "\n"
