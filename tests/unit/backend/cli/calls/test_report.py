"""Lines of the timeline, as text and as JSON."""

import pytest

from backend.cli.calls import report
from backend.cli.calls.results import CallProblem, CallTranslation, CallUtterance
from backend.cli.calls.timeline import CallSummary, Interruption, TimelineEntry
from backend.load.score import Spread

UTTERANCE = CallUtterance(1, 2, 61_700, 65_390, "Where is it?", "en")
ENTRY = TimelineEntry(UTTERANCE, 62_040, 65_180, 0.9249, Interruption(0, 0.8))
ALONE = TimelineEntry(UTTERANCE, 62_040, 65_180, 0.9249, None)


@pytest.mark.parametrize(
    ("position_ms", "text"), [(0, "0:00.0"), (9_960, "0:10.0"), (59_980, "1:00.0"), (600_040, "10:00.0")]
)
def test_positions_are_minutes_seconds_and_tenths(position_ms: int, text: str) -> None:
    assert report.clock(position_ms) == text


def test_lines_name_the_speaker_the_latency_and_the_interruption() -> None:
    lead = "1:02.0-1:05.2  callee  "
    assert report.final_line(ENTRY) == f"{lead}Where is it?  (0.92 s)  [interrupts caller, overlap 0.8 s]"
    assert report.final_line(ALONE) == f"{lead}Where is it?  (0.92 s)"
    assert report.translation_line(ENTRY, CallTranslation(1, 2, "es", "¿Dónde?"), 1.5) == f"{lead}es: ¿Dónde?  (1.50 s)"
    assert report.problem_line(CallProblem(0, "lost", "it is lost")) == "caller: it is lost (lost)"
    assert report.problem_line(CallProblem(None, "lost", "it is lost")) == "it is lost (lost)"


def test_json_has_the_times_of_the_server_and_those_of_the_speech() -> None:
    body = report.final_json(ENTRY)
    assert [body[name] for name in ("start_ms", "speech_start_ms", "speech_end_ms", "end_ms")] == [
        61_700,
        62_040,
        65_180,
        65_390,
    ]
    assert (body["speaker"], body["interrupts"], body["overlap_s"], body["latency_s"]) == (
        "callee",
        "caller",
        0.8,
        0.925,
    )
    assert report.final_json(ALONE)["interrupts"] is None
    assert report.translation_json(CallTranslation(0, 2, "es", "Hola."), 1.5)["speaker"] == "caller"
    assert report.problem_json(CallProblem(1, "lost", "it is lost"))["speaker"] == "callee"


def test_the_summary_has_interruptions_only_with_two_speakers_and_latency_only_with_finals() -> None:
    two = CallSummary((3, 2), 1, Spread(5, 0.9, 1.4, 1.5, 1.5))
    assert report.summary_lines(two) == [
        "finals: caller 3, callee 2",
        "interruptions: 1",
        "latency: p50 0.90 s, p95 1.40 s (5 finals)",
    ]
    assert report.summary_lines(CallSummary((0,), 0, None)) == ["finals: caller 0"]
    assert report.summary_json(two)["finals"] == {"caller": 3, "callee": 2}
    assert report.summary_json(CallSummary((0,), 0, None))["latency_p95_s"] is None
