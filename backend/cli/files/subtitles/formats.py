"""Renders cues as subtitle files. Pure."""

from collections.abc import Iterable

from backend.cli.files.subtitles.timing import Cue

VTT_HEADER = "WEBVTT\n"


def to_srt(cues: Iterable[Cue]) -> str:
    """Render as SubRip."""
    blocks, before = [], ""
    for number, cue in enumerate(cues, 1):
        blocks.append(srt_cue(number, cue, before))
        before = cue.voice
    return "\n".join(blocks)


def to_vtt(cues: Iterable[Cue]) -> str:
    """Render as WebVTT (W3C)."""
    return "\n".join([VTT_HEADER, *map(vtt_cue, cues)])


def srt_cue(number: int, cue: Cue, voice_before: str) -> str:
    """One cue of SubRip. It has no place for voices, so where the voice changes, its name is in the text."""
    name = f"{cue.voice}: " if cue.voice not in ("", voice_before) else ""
    times = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}"
    return f"{number}\n{times}\n{_without_arrows(name + _text(cue))}\n"


def vtt_cue(cue: Cue) -> str:
    """One cue of WebVTT."""
    return f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{_spoken(cue)}\n"


def _clock(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _spoken(cue: Cue) -> str:
    """The text in a voice span, which names its speaker (WebVTT, section 4.2.2)."""
    voice = " ".join(cue.voice.split())  # a line break would end the cue
    return f"<v {_escaped(voice)}>{_escaped(_text(cue))}</v>" if voice else _escaped(_text(cue))


def _without_arrows(text: str) -> str:
    """Players would read an arrow at the wrong place as the times of another cue. SubRip has no way to escape it."""
    return text.replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
