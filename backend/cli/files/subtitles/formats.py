"""Renders cues as subtitle files. Pure."""

from collections.abc import Iterable

from backend.cli.files.subtitles.timing import Cue


def speaker_name(label: str) -> str:
    """The name of a speaker in a transcript."""
    return f"Speaker {label}"


def to_srt(cues: Iterable[Cue]) -> str:
    """Render as SubRip. It has no place for speakers, so where the speaker changes, the name is in the text."""
    blocks, before = [], ""
    for number, cue in enumerate(cues, 1):
        name = f"{speaker_name(cue.speaker)}: " if cue.speaker != before and cue.speaker else ""
        times, before = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}", cue.speaker
        blocks.append(f"{number}\n{times}\n{name}{_without_arrows(_text(cue))}\n")
    return "\n".join(blocks)


def to_vtt(cues: Iterable[Cue]) -> str:
    """Render as WebVTT (W3C). Speakers are voices."""
    return "\n".join(["WEBVTT\n", *map(_vtt_block, cues)])


def _vtt_block(cue: Cue) -> str:
    voice = f"<v {speaker_name(cue.speaker)}>" if cue.speaker else ""
    return f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{voice}{_escaped(_text(cue))}\n"


def _clock(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _without_arrows(text: str) -> str:
    """Players would read an arrow at the wrong place as the times of another cue. SubRip has no way to escape it."""
    return text.replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
