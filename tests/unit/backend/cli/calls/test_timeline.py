"""Latencies from the moment at which speech was sent, and overlaps of speakers."""

import numpy as np
import pytest

from backend.cli.calls.call_audio import PACKET_MS, Activity
from backend.cli.calls.results import CallTranslation, CallUtterance
from backend.cli.calls.timeline import CallTimeline, Interruption, TimelineEntry

LENGTH_S = 20


def speaking(*spans: tuple[int, int]) -> Activity:
    """Activity between times in milliseconds."""
    active = np.zeros(LENGTH_S * 1000 // PACKET_MS, np.bool_)
    for start_ms, end_ms in spans:
        active[start_ms // PACKET_MS : end_ms // PACKET_MS] = True
    return active


def played(*activity: Activity) -> CallTimeline:
    """A call whose packet that ends at t seconds was sent at 100 + t."""
    timeline = CallTimeline(activity)
    for number in range(len(activity[0])):
        timeline.packet_sent(100 + (number + 1) * PACKET_MS / 1000)
    return timeline


def said(speaker: int, start_ms: int, end_ms: int, number: int = 1) -> CallUtterance:
    return CallUtterance(speaker, number, start_ms, end_ms, "Hello.", "en")


def add(timeline: CallTimeline, speaker: int, start_ms: int, end_ms: int, now: float = 130) -> TimelineEntry:
    return timeline.add(said(speaker, start_ms, end_ms), now)


def test_latency_counts_from_the_last_packet_of_speech_and_not_from_the_silence_after_it() -> None:
    timeline = played(speaking((1_000, 3_000)))
    entry = timeline.add(said(0, 720, 3_190), 104.25)
    assert (entry.start_ms, entry.end_ms) == (1_000, 3_000)
    assert entry.latency_s == pytest.approx(1.25)


def test_an_utterance_without_speech_in_the_recording_has_the_times_of_the_server() -> None:
    entry = played(speaking()).add(said(0, 710, 3_190), 104.2)
    assert (entry.start_ms, entry.end_ms) == (710, 3_190)
    assert entry.latency_s == pytest.approx(1.0)


def test_latency_of_an_utterance_beyond_the_sent_audio_counts_from_the_last_packet() -> None:
    timeline = CallTimeline([speaking((0, 3_000))])
    assert add(timeline, 0, 0, 3_000).latency_s == 0.0
    timeline.packet_sent(5.0)
    assert add(timeline, 0, 0, 3_000, now=6.5).latency_s == 1.5


def test_an_overlap_is_an_interruption_by_the_speaker_who_began_later() -> None:
    timeline = played(speaking((1_000, 3_000)), speaking((2_200, 5_000)))
    assert add(timeline, 0, 700, 3_190).interrupts is None
    assert add(timeline, 1, 1_900, 5_190).interrupts == Interruption(0, 0.8)
    assert timeline.summary().interruptions == 1


def test_the_silence_around_utterances_is_no_overlap() -> None:
    timeline = played(speaking((1_000, 3_000)), speaking((3_050, 5_000)))
    add(timeline, 0, 700, 3_190)
    assert add(timeline, 1, 2_750, 5_190).interrupts is None


def test_speech_inside_the_speech_of_another_overlaps_completely() -> None:
    timeline = played(speaking((1_000, 8_000)), speaking((4_000, 4_600)))
    add(timeline, 0, 700, 8_190)
    assert add(timeline, 1, 3_700, 4_790).interrupts == Interruption(0, 0.6)


def test_a_speaker_does_not_interrupt_themselves_or_someone_who_began_later() -> None:
    timeline = played(speaking((1_000, 5_000), (6_000, 7_000)), speaking((4_000, 6_500)))
    add(timeline, 1, 3_700, 6_690)
    assert add(timeline, 0, 700, 5_190).interrupts is None
    assert add(timeline, 0, 5_700, 7_190).interrupts == Interruption(1, 0.5)


def test_the_second_part_of_a_divided_utterance_is_no_interruption() -> None:
    timeline = played(speaking((1_000, 19_000)), speaking((9_000, 12_000)))
    add(timeline, 0, 700, 10_000)
    assert add(timeline, 1, 8_700, 12_190).interrupts == Interruption(0, 1.0)
    assert add(timeline, 0, 10_000, 19_190).interrupts is None


def test_a_translation_belongs_to_its_utterance_and_has_its_own_latency() -> None:
    timeline = played(speaking((1_000, 3_000)), speaking((5_000, 6_000)))
    add(timeline, 0, 700, 3_190)
    other = add(timeline, 1, 4_700, 6_190)
    found = timeline.translated(CallTranslation(1, 1, "es", "Hola."), 107.5)
    assert found
    assert found[0] is other
    assert found[1] == pytest.approx(1.5)
    assert timeline.translated(CallTranslation(1, 2, "es", "Hola."), 107.5) is None


def test_the_summary_counts_finals_and_has_the_latency_of_all_of_them() -> None:
    timeline = played(speaking((0, 1_000), (2_000, 3_000)), speaking((4_000, 5_000)))
    add(timeline, 0, 0, 1_000, now=101.5)
    add(timeline, 0, 2_000, 3_000, now=104.0)
    add(timeline, 1, 4_000, 5_000, now=106.5)
    summary = timeline.summary()
    assert (summary.finals, summary.interruptions) == ((2, 1), 0)
    assert summary.latency_s
    assert (summary.latency_s.count, summary.latency_s.p50, summary.latency_s.p95) == pytest.approx((3, 1.0, 1.45))
    assert played(speaking()).summary().latency_s is None
