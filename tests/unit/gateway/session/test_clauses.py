"""Long utterances are divided between clauses, so that their finals do not wait for the end of a monologue."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import PartialResult
from backend.messages.protocol import Configure, EarlyFinal, EarlyFinalWithdrawn, Final, SpeechEnded, SpeechStarted
from gateway.session.actions import CloseUtterance, SubmitFinal, WithdrawEarlyFinal
from gateway.session.backpressure import Backpressure
from gateway.session.segmenter import (
    WINDOW,
    PauseDetected,
    Segmenter,
    SegmentEvent,
    SpeechResumed,
    UtteranceEnded,
    UtteranceStarted,
)
from tests.testkit.streams.jobs import final
from tests.unit.gateway.session import test_segmenter
from tests.unit.gateway.session.test_segmenter import chances, runs, segment, sound, spans, utterances
from tests.unit.gateway.session.test_session import Stage

QUICK = replace(test_segmenter.QUICK, clause_pause_ms=192)
"""A pause between clauses is 7 windows, because 3 remain after the 4 of an early final."""


def dividing(clause_ms: int = 640, **options: Any) -> Segmenter:
    """By default from 20 windows on."""
    segmenter = Segmenter(QUICK, **options)
    segmenter.clause_ms = clause_ms
    return segmenter


def test_a_long_utterance_ends_where_speech_continues_after_a_pause() -> None:
    events = segment(dividing(), chances((0.9, 20), (0.0, 7), (0.9, 5)))
    assert [type(event) for event in events] == [UtteranceStarted, PauseDetected, UtteranceEnded, UtteranceStarted]
    assert spans(events) == [(0, 24, "clause")]
    assert events[-1] == UtteranceStarted(24 * WINDOW), "without a gap, so that readers see one sentence"


@pytest.mark.parametrize(("speech", "pause"), [(19, 7), (20, 6)])
def test_a_short_utterance_or_a_short_pause_is_not_divided(speech: int, pause: int) -> None:
    events = segment(dividing(), chances((0.9, speech), (0.0, pause), (0.9, 5)))
    assert [type(event) for event in events] == [UtteranceStarted, PauseDetected, SpeechResumed]


def test_a_pause_without_more_speech_is_an_endpoint() -> None:
    assert spans(segment(dividing(), chances((0.9, 20), (0.0, 40)))) == [(0, 24, "silence")]


def test_a_session_that_does_not_divide_is_cut_near_the_length_limit() -> None:
    assert spans(segment(dividing(0), chances((0.9, 20), (0.0, 7), (0.9, 14), (0.0, 40)))) == [(0, 45, "pause")]


def test_the_audio_of_the_early_final_is_the_whole_clause() -> None:
    segmenter = dividing(endpoint_ms=256)
    segment(segmenter, chances((0.9, 20), (0.0, 4)))
    early = segmenter.clip()
    segmenter.endpoint_ms = 600  # would make the pause before an early final longer
    (ended,) = utterances(segment(segmenter, chances((0.0, 4), (0.9, 1))))
    assert ended.clip == early


def test_each_clause_has_the_full_length() -> None:
    events = segment(dividing(), chances(*[(0.9, 10), (0.0, 7)] * 12))
    lengths = [end - start for start, end, reason in spans(events) if reason == "clause"]
    assert len(lengths) >= 4
    assert min(lengths) >= 20


@given(runs, st.lists(st.integers(0, 60), max_size=20), st.sampled_from([0, 320, 640, 1_280]))
def test_no_sample_is_lost_or_repeated_where_utterances_are_divided(
    parts: list[tuple[float, int]], sizes: list[int], clause_ms: int
) -> None:
    probabilities = chances(*parts)
    windows, at, events = sound(len(probabilities)), 0, list[SegmentEvent]()
    segmenter = dividing(clause_ms)
    for size in [*sizes, len(windows)]:
        events += segmenter.process_windows(windows[at : at + size], probabilities[at : at + size])
        at += size
    events += segmenter.end_utterance("stop")
    for before, after in pairwise(events):
        if isinstance(before, UtteranceEnded) and before.reason in ("clause", "length"):
            assert after == UtteranceStarted(before.clip.end_sample)
    samples = windows.reshape(-1)
    for ended in utterances(events):
        assert ended.clip.pcm == samples[ended.clip.start_sample : ended.clip.end_sample].tobytes()
    for earlier, later in pairwise(utterances(events)):
        assert earlier.clip.end_sample <= later.clip.start_sample
    for start, end, reason in spans(events):
        assert reason != "clause" or end - start >= clause_ms / 32


@given(runs)
def test_divided_utterances_contain_the_speech_of_whole_ones(parts: list[tuple[float, int]]) -> None:
    probabilities = chances(*parts)
    covered = []
    for segmenter in (dividing(0), dividing()):
        events = segment(segmenter, probabilities) + segmenter.end_utterance("stop")
        inside = np.zeros(len(probabilities), bool)
        for start, end, _ in spans(events):
            inside[int(start) : int(end)] = True
        covered.append(inside & (probabilities >= 0.95))
    whole, divided = covered
    # A click after a cut in silence may be speech in one and noise in the other. Certain speech is in both.
    certain = np.convolve(probabilities >= 0.95, np.ones(3), mode="valid") == 3
    starts = np.flatnonzero(certain)
    assert all(divided[at : at + 3].all() == whole[at : at + 3].all() for at in starts)


def monologue(**options: Any) -> Stage:
    """A session in which speech has continued after nine seconds of speech and a pause of 0.5 s."""
    stage = Stage(**options)
    stage.speak(9)
    stage.be_silent(0.5)
    stage.speak(1)
    return stage


def test_the_early_final_of_the_pause_becomes_the_final_of_the_clause() -> None:
    stage = monologue()
    (early,) = stage.of(SubmitFinal)
    (closed,) = stage.of(CloseUtterance)
    assert (closed.utterance, closed.attempt, closed.end_ms) == (1, early.job.attempt, early.job.end_ms)
    assert stage.of(WithdrawEarlyFinal) == []
    (ended,), (_, started) = stage.events(SpeechEnded), stage.events(SpeechStarted)
    assert (ended.end_ms, started.start_ms) == (early.job.end_ms, early.job.end_ms)


def test_the_final_arrives_while_the_speaker_continues_and_the_next_one_continues_its_text() -> None:
    stage = monologue()
    job = stage.of(SubmitFinal)[0].job
    times = {"start_ms": job.start_ms, "end_ms": job.end_ms}
    stage.apply(final(1, "We walked along the river and", **times), "1-0")
    assert [event.text for event in stage.events(Final)] == ["We walked along the river and"]
    stage.speak(1)
    stage.be_silent(1)
    job = stage.of(SubmitFinal)[-1].job
    assert (job.utterance, job.context) == (2, "We walked along the river and")


def test_without_early_finals_the_clause_is_submitted_when_speech_continues() -> None:
    stage = monologue(partials=False)
    (submit,) = stage.of(SubmitFinal)
    assert not submit.early
    assert submit.job.end_ms - submit.job.start_ms >= 9_000


def test_a_busy_server_divides_as_well() -> None:
    stage = Stage()
    stage._record(stage.session.set_backpressure(Backpressure.STOP))
    stage.speak(9)
    stage.be_silent(0.5)
    stage.speak(0.1)
    assert len(stage.events(SpeechEnded)) == 1


def test_an_early_final_that_the_client_has_is_confirmed_by_the_final() -> None:
    stage = Stage(early_final_ms=300)
    stage.speak(9)
    stage.be_silent(0.25)
    job = stage.of(SubmitFinal)[-1].job
    fields = job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
    stage.apply(PartialResult(committed="", tentative="So", language="en", early_final=final(1, "So"), **fields))
    stage.be_silent(0.25)
    assert len(stage.events(EarlyFinal)) == 1
    stage.speak(0.1)
    assert stage.events(EarlyFinalWithdrawn) == []
    assert len(stage.of(CloseUtterance)) == 1


@pytest.mark.parametrize("options", [{"clause_ms": 0}, {"turn_threshold": 0.7}, {"priority": "recording"}])
def test_turns_recordings_and_sessions_that_do_not_want_it_are_not_divided(options: dict[str, Any]) -> None:
    assert monologue(**options).events(SpeechEnded) == []
    assert monologue(**{**options, "clause_ms": 8_000, "priority": "live", "turn_threshold": 0.0}).events(SpeechEnded)


def test_the_length_can_be_changed_during_an_utterance() -> None:
    stage = Stage(clause_ms=0)
    stage.speak(9)
    stage.receive(Configure(clause_ms=8_000))
    stage.be_silent(0.5)
    stage.speak(0.1)
    assert len(stage.events(SpeechEnded)) == 1
