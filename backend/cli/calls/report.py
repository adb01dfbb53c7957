"""The timeline of a call as lines of text, or of JSON. Pure."""

from typing import Any

from backend.cli.calls.results import CallProblem, CallTranslation
from backend.cli.calls.timeline import CallSummary, TimelineEntry

NAMES = ("caller", "callee")


def clock(milliseconds: int) -> str:
    """A position in the call: 1:02.3."""
    minutes, tenths = divmod(round(milliseconds / 100), 600)
    return f"{minutes}:{tenths // 10:02}.{tenths % 10}"


def final_line(entry: TimelineEntry) -> str:
    """An utterance."""
    mark = ""
    if entry.interrupts:
        mark = f"  [interrupts {NAMES[entry.interrupts.speaker]}, overlap {entry.interrupts.overlap_s:.1f} s]"
    return f"{_lead(entry)}  {entry.utterance.text}  ({entry.latency_s:.2f} s){mark}"


def translation_line(entry: TimelineEntry, translation: CallTranslation, latency_s: float) -> str:
    """The translation of an utterance."""
    return f"{_lead(entry)}  {translation.language}: {translation.text}  ({latency_s:.2f} s)"


def problem_line(problem: CallProblem) -> str:
    """An utterance without text."""
    speaker = "" if problem.speaker is None else f"{NAMES[problem.speaker]}: "
    return f"{speaker}{problem.message} ({problem.code})"


def summary_lines(summary: CallSummary) -> list[str]:
    """The end of the timeline."""
    finals = ", ".join(f"{name} {count}" for name, count in zip(NAMES, summary.finals, strict=False))
    lines = [f"finals: {finals}"]
    if len(summary.finals) > 1:
        lines.append(f"interruptions: {summary.interruptions}")
    if (spread := summary.latency_s) is not None:
        lines.append(f"latency: p50 {spread.p50:.2f} s, p95 {spread.p95:.2f} s ({spread.count} finals)")
    return lines


def final_json(entry: TimelineEntry) -> dict[str, Any]:
    """An utterance. `start_ms` and `end_ms` are those of the server."""
    utterance, interrupts = entry.utterance, entry.interrupts
    return {
        "type": "final",
        "speaker": NAMES[utterance.speaker],
        "utterance": utterance.number,
        "text": utterance.text,
        "language": utterance.language,
        "start_ms": utterance.start_ms,
        "end_ms": utterance.end_ms,
        "speech_start_ms": entry.start_ms,
        "speech_end_ms": entry.end_ms,
        "latency_s": round(entry.latency_s, 3),
        "interrupts": NAMES[interrupts.speaker] if interrupts else None,
        "overlap_s": interrupts.overlap_s if interrupts else 0.0,
    }


def translation_json(translation: CallTranslation, latency_s: float) -> dict[str, Any]:
    """The translation of an utterance."""
    return {
        "type": "translation",
        "speaker": NAMES[translation.speaker],
        "utterance": translation.number,
        "language": translation.language,
        "text": translation.text,
        "latency_s": round(latency_s, 3),
    }


def problem_json(problem: CallProblem) -> dict[str, Any]:
    """An utterance without text."""
    speaker = None if problem.speaker is None else NAMES[problem.speaker]
    return {"type": "error", "speaker": speaker, "code": problem.code, "message": problem.message}


def summary_json(summary: CallSummary) -> dict[str, Any]:
    """The end of the timeline."""
    spread = summary.latency_s
    return {
        "type": "summary",
        "finals": dict(zip(NAMES, summary.finals, strict=False)),
        "interruptions": summary.interruptions,
        "latency_p50_s": round(spread.p50, 3) if spread else None,
        "latency_p95_s": round(spread.p95, 3) if spread else None,
        "latency_count": spread.count if spread else 0,
    }


def _lead(entry: TimelineEntry) -> str:
    return f"{clock(entry.start_ms)}-{clock(entry.end_ms)}  {NAMES[entry.utterance.speaker]}"
