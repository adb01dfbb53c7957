"""The transcript of a recording, and its output formats. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from backend.cli.files.speaker_parts import relabelled, split_by_speaker
from backend.cli.files.subtitles.cues import split_into_cues
from backend.cli.files.subtitles.formats import to_srt, to_vtt
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.timing import Cue
from backend.cli.files.subtitles.units import TimedText, spoken, translated
from backend.errors import NovaError
from backend.messages.protocol import Error, Final, Notice, ServerMessage, SpeakersMerged, Translation

Format = Literal["txt", "srt", "vtt", "json"]
SUBTITLES: frozenset[Format] = frozenset({"srt", "vtt"})
# Notices about a recording as a whole.
_ABOUT_RECORDING = frozenset(
    {
        "language_substituted",
        "script_not_written",
        "speakers_not_labelled",
        "noise_not_reduced",
        "low_level",
        "clipped",
        "no_sound",
    }
)
# Fields of a final that are meaningful only in the protocol.
_PROTOCOL_FIELDS = {"type", "cursor", "translate_to", "late"}


class IncompleteError(NovaError):
    """A part of the transcript is missing. `code` is that of the server's error or notice."""


@dataclass(slots=True)
class FileTranscript:
    """Finals in order, final translations by utterance and language, and errors (`problems`)."""

    finals: list[Final] = field(default_factory=list)
    translations: dict[tuple[int, str], str] = field(default_factory=dict)
    problems: list[NovaError] = field(default_factory=list)
    # About the recording as a whole; nothing is missing.
    notices: list[Notice] = field(default_factory=list)

    @property
    def position_ms(self) -> int:
        """The end of the last utterance."""
        return self.finals[-1].end_ms if self.finals else 0

    def apply_event(self, event: ServerMessage) -> None:
        """Add an event of the session."""
        match event:
            case Final():
                self.finals.append(event)
            case SpeakersMerged():
                self.finals = [relabelled(final, event) for final in self.finals]
            case Translation(is_final=True):
                self.translations[event.utterance, event.language] = event.text
            case Error() | Notice(language=str()):
                self.problems.append(IncompleteError(event.message, code=event.code))
            case Notice(code=code) if code in _ABOUT_RECORDING and code not in {notice.code for notice in self.notices}:
                self.notices.append(event)

    @property
    def with_text(self) -> list[Final]:
        """The finals that are not empty."""
        return [final for final in self.finals if final.text]


def render(transcript: FileTranscript, form: Format, targets: Sequence[str], limits: CueLimits | None = None) -> str:
    """Render a transcript. Translations into the targets are included in txt and json only."""
    if form == "txt":
        return _txt(transcript, targets)
    if form == "json":
        return _json(transcript, targets)
    return render_subtitles(transcript, form, None, limits)


def render_subtitles(
    transcript: FileTranscript, form: Format, target: str | None, limits: CueLimits | None = None
) -> str:
    """Render a subtitle file (srt or vtt) in the spoken language, or in the target language of a translation."""
    cues = [cue for channel in _channels(transcript) for cue in _cues(transcript, channel, target, limits)]
    return (to_srt if form == "srt" else to_vtt)(sorted(cues, key=lambda cue: cue.start_ms))


def _channels(transcript: FileTranscript) -> list[int | None]:
    """The channels with text. None: the recording was not divided into channels."""
    return sorted({final.channel for final in transcript.with_text}, key=lambda channel: channel or 0)


def _cues(transcript: FileTranscript, channel: int | None, target: str | None, limits: CueLimits | None) -> list[Cue]:
    """The cues of one channel. Those of several channels overlap where people speak at the same time."""
    finals = [final for final in transcript.with_text if final.channel == channel]
    # A translation is that of a whole utterance.
    utterances = (_timed(transcript, final, target) for final in (finals if target else split_by_speaker(finals)))
    return [replace(cue, voice=voice_name(channel, cue.voice)) for cue in split_into_cues(utterances, limits)]


def voice_name(channel: int | None, speaker: str | None) -> str:
    """The name of a channel or a speaker in a transcript, or of both. People count from 1."""
    names = ("" if channel is None else f"Channel {channel + 1}", f"Speaker {speaker}" if speaker else "")
    return ", ".join(name for name in names if name)


def _timed(transcript: FileTranscript, final: Final, target: str | None) -> TimedText:
    if target is None:
        return spoken(final)
    return translated(final, transcript.translations.get((final.utterance, target), ""), target)


def _txt(transcript: FileTranscript, targets: Sequence[str]) -> str:
    """One line per utterance and speaker, followed by the translations of the utterance."""
    lines = []
    for final in transcript.with_text:
        lines += [_line(part) for part in split_by_speaker([final])]
        translations = ((target, transcript.translations.get((final.utterance, target))) for target in targets)
        lines += [f"  {target}: {text}" for target, text in translations if text is not None]
    return "".join(f"{line}\n" for line in lines)


def _line(final: Final) -> str:
    name = voice_name(final.channel, final.speaker)
    return f"{name}: {final.text}" if name else final.text


def _json(transcript: FileTranscript, targets: Sequence[str]) -> str:
    utterances = []
    for final in transcript.with_text:
        translations = {target: transcript.translations.get((final.utterance, target)) for target in targets}
        utterances.append(
            final.model_dump(exclude=_PROTOCOL_FIELDS, exclude_none=True)
            | (
                {"translations": {target: text for target, text in translations.items() if text is not None}}
                if translations
                else {}
            )
        )
    problems = [{"code": problem.code, "message": problem.message} for problem in transcript.problems]
    return json.dumps({"utterances": utterances, "problems": problems}, ensure_ascii=False, indent=2) + "\n"
