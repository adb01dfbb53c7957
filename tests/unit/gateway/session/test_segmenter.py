"""The segmenter sees only probabilities and levels, so tests run hours of audio in seconds."""

import tracemalloc
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.session.segmenter import (
    WINDOW,
    PauseDetected,
    Rules,
    Segmenter,
    SegmentEvent,
    SpeechResumed,
    UtteranceEnded,
    UtteranceStarted,
)

QUICK = Rules(min_speech_ms=96, pre_roll_ms=96, pause_ms=128, max_ms=1_600, search_ms=640)
"""3 windows of speech, 3 of pre-roll, 4 of pause, at most 50, cut in a pause after 16 or in the last 20."""
SECOND = 1000 / 32


def sound(count: int, loudness: int = 100) -> NDArray[np.int16]:
    """Windows that all differ."""
    numbers = np.arange(count * WINDOW, dtype=np.int64)
    return (loudness + numbers % 7 + numbers // WINDOW % 31).astype(np.int16).reshape(count, WINDOW)


def chances(*runs: tuple[float, int]) -> NDArray[np.float32]:
    """Probabilities from runs of (probability, windows)."""
    return np.concatenate([np.full(count, probability, np.float32) for probability, count in runs])


def segment(segmenter: Segmenter, probabilities: NDArray[np.float32]) -> list[SegmentEvent]:
    return segmenter.process_windows(sound(len(probabilities)), probabilities)


def utterances(events: Iterable[SegmentEvent]) -> list[UtteranceEnded]:
    return [event for event in events if isinstance(event, UtteranceEnded)]


def spans(events: Iterable[SegmentEvent]) -> list[tuple[float, float, str]]:
    """Each utterance in windows, with its reason."""
    return [(u.clip.start_sample / WINDOW, u.clip.end_sample / WINDOW, u.reason) for u in utterances(events)]


def test_silence_gives_no_events() -> None:
    assert segment(Segmenter(), chances((0.0, 1_000))) == []


def test_an_utterance_includes_pre_roll_and_pause() -> None:
    events = segment(Segmenter(QUICK), chances((0.0, 20), (0.9, 10), (0.0, 40)))
    assert events[0] == UtteranceStarted(17 * WINDOW)
    assert spans(events) == [(17, 34, "silence")]


def test_an_utterance_starts_after_the_minimum_of_speech() -> None:
    segmenter = Segmenter(QUICK)
    assert segment(segmenter, chances((0.0, 20), (0.9, 2))) == []
    assert segment(segmenter, chances((0.9, 1))) == [UtteranceStarted(17 * WINDOW)]


def test_a_click_starts_nothing() -> None:
    assert segment(Segmenter(QUICK), chances((0.0, 20), (1.0, 2), (0.0, 20), (1.0, 2), (0.0, 50))) == []


def test_speech_in_the_first_window_has_no_pre_roll() -> None:
    assert spans(segment(Segmenter(QUICK), chances((0.9, 10), (0.0, 30)))) == [(0, 14, "silence")]


def test_probabilities_between_the_thresholds_continue_speech_but_do_not_start_it() -> None:
    assert segment(Segmenter(QUICK), chances((0.4, 100))) == []
    events = segment(Segmenter(QUICK), chances((0.9, 3), (0.4, 10), (0.0, 19), (0.4, 30)))
    assert spans(events) == [(0, 17, "silence")]
    assert sum(isinstance(event, UtteranceStarted) for event in events) == 1


def test_silence_becomes_speech_only_at_the_higher_threshold() -> None:
    assert spans(segment(Segmenter(QUICK), chances((0.9, 5), (0.0, 1), (0.4, 30)))) == [(0, 9, "silence")]


def test_the_clip_at_a_pause_is_the_clip_of_the_end() -> None:
    segmenter = Segmenter(QUICK)
    events = segment(segmenter, chances((0.0, 20), (0.9, 10), (0.0, 4)))
    assert events[1:] == [PauseDetected(34 * WINDOW)]
    early = segmenter.clip()
    [end] = utterances(segment(segmenter, chances((0.0, 30))))
    assert end.clip == early


def test_speech_after_a_pause_continues_the_utterance() -> None:
    events = segment(Segmenter(QUICK), chances((0.9, 10), (0.0, 6), (0.9, 5), (0.0, 30)))
    assert events[1:4] == [PauseDetected(14 * WINDOW), SpeechResumed(16 * WINDOW), PauseDetected(25 * WINDOW)]
    assert spans(events) == [(0, 25, "silence")]


def test_a_silence_of_exactly_a_pause_is_detected_and_resumed() -> None:
    events = segment(Segmenter(QUICK), chances((0.9, 10), (0.0, 4), (0.9, 5)))
    assert events == [UtteranceStarted(0), PauseDetected(14 * WINDOW), SpeechResumed(14 * WINDOW)]


def test_a_gap_shorter_than_a_pause_gives_no_event() -> None:
    events = segment(Segmenter(QUICK), chances((0.9, 10), (0.0, 3), (0.9, 5)))
    assert events == [UtteranceStarted(0)]


@pytest.mark.parametrize(("endpoint_ms", "windows"), [(200, 7), (600, 19), (1_000, 32)])
def test_the_endpoint_has_the_requested_length(endpoint_ms: int, windows: int) -> None:
    segmenter = Segmenter(endpoint_ms=endpoint_ms)
    assert not utterances(segment(segmenter, chances((0.9, 20), (0.0, windows - 1))))
    assert utterances(segment(segmenter, chances((0.0, 1))))


def test_a_shorter_endpoint_takes_effect_during_silence() -> None:
    segmenter = Segmenter(endpoint_ms=5_000)
    assert not utterances(segment(segmenter, chances((0.9, 20), (0.0, 30))))
    segmenter.endpoint_ms = 600
    assert utterances(segment(segmenter, chances((0.0, 1))))


def test_a_pause_is_at_most_half_of_the_endpoint() -> None:
    events = segment(Segmenter(endpoint_ms=200), chances((0.9, 20), (0.0, 7)))
    assert events[1] == PauseDetected(23 * WINDOW), "an early final of 96 ms of silence is ready at the endpoint"
    assert spans(events) == [(0, 23, "silence")]


def test_a_change_of_the_endpoint_during_a_pause_neither_repeats_nor_hides_it() -> None:
    segmenter = Segmenter(endpoint_ms=200)
    events = segment(segmenter, chances((0.9, 20), (0.0, 3)))
    segmenter.endpoint_ms = 600
    events += segment(segmenter, chances((0.0, 8), (0.9, 1), (0.0, 6)))
    assert [type(event) for event in events] == [UtteranceStarted, PauseDetected, SpeechResumed, PauseDetected]


def test_an_endpoint_shorter_than_the_pause_ends_without_a_pause() -> None:
    events = segment(Segmenter(QUICK, endpoint_ms=64), chances((0.9, 5), (0.0, 2)))
    assert [type(event) for event in events] == [UtteranceStarted, UtteranceEnded]


def test_finalize_ends_the_utterance_at_once() -> None:
    segmenter = Segmenter(QUICK)
    segment(segmenter, chances((0.0, 20), (0.9, 10)))
    assert spans(segmenter.end_utterance("finalize")) == [(17, 30, "finalize")]
    assert segmenter.end_utterance("finalize") == []


def test_speech_after_finalize_is_the_next_utterance_without_overlap() -> None:
    segmenter = Segmenter(QUICK)
    segment(segmenter, chances((0.9, 10)))
    segmenter.end_utterance("finalize")
    events = segment(segmenter, chances((0.9, 10), (0.0, 30)))
    assert spans(events) == [(10, 24, "silence")]


def test_flush_ends_the_utterance_after_the_pause() -> None:
    segmenter = Segmenter(QUICK)
    segment(segmenter, chances((0.9, 10), (0.0, 8)))
    assert spans(segmenter.end_utterance("stop")) == [(0, 14, "stop")]
    assert segmenter.end_utterance("stop") == []


def test_the_open_utterance_can_be_copied() -> None:
    segmenter = Segmenter(QUICK)
    assert segmenter.clip() is None
    windows, probabilities = sound(20), chances((0.9, 20))
    segmenter.process_windows(windows, probabilities)
    clip = segmenter.clip()
    assert clip is not None
    assert clip.pcm == windows.tobytes()
    assert (clip.start_ms, clip.end_ms) == (0, 640)


def test_positions_start_at_the_first_sample_of_a_resumed_session() -> None:
    segmenter = Segmenter(QUICK, first_sample=160_000)
    [utterance] = utterances(segment(segmenter, chances((0.9, 5), (0.0, 30))))
    assert utterance.clip.start_ms == 10_000
    assert segmenter.position == 160_000 + 35 * WINDOW


def test_a_long_utterance_is_cut_at_its_quietest_point() -> None:
    windows = sound(60, loudness=1_000)
    windows[37:41] //= 100
    events = Segmenter(QUICK).process_windows(windows, chances((0.9, 60)))
    assert spans(events) == [(0, 39, "length")]
    assert events[-1] == UtteranceStarted(39 * WINDOW)


def test_a_long_utterance_is_not_cut_before_committed_words_end() -> None:
    windows, segmenter = sound(60, loudness=1_000), Segmenter(QUICK)
    windows[37:41] //= 100
    segmenter.committed_until = 45 * WINDOW
    [(_, end, reason)] = spans(segmenter.process_windows(windows, chances((0.9, 60))))
    assert reason == "length"
    assert 45 <= end < 50


def test_near_the_limit_a_pause_ends_the_utterance() -> None:
    assert spans(segment(Segmenter(QUICK), chances((0.9, 39), (0.0, 4), (0.9, 5)))) == []
    assert spans(segment(Segmenter(QUICK), chances((0.9, 40), (0.0, 4), (0.9, 5)))) == [(0, 44, "pause")]


def test_an_utterance_without_a_pause_near_the_limit_is_cut_in_the_latest_earlier_one() -> None:
    windows = sound(60, loudness=1_000)
    windows[37:41] //= 100  # quiet, but inside words
    probabilities = chances((0.9, 12), (0.0, 4), (0.9, 4), (0.0, 6), (0.9, 34))
    events = Segmenter(QUICK).process_windows(windows, probabilities)
    assert spans(events) == [(0, 23, "length")]
    assert events[-1] == UtteranceStarted(23 * WINDOW)


@pytest.mark.parametrize(("speech_before", "committed"), [(13, 0), (20, 24)])
def test_a_pause_that_is_too_early_or_inside_committed_words_is_no_cut(speech_before: int, committed: int) -> None:
    segmenter = Segmenter(QUICK)
    segmenter.committed_until = committed * WINDOW
    [(_, end, reason)] = spans(segment(segmenter, chances((0.9, speech_before), (0.0, 4), (0.9, 60 - speech_before))))
    assert reason == "length"
    assert end >= 30


def test_a_pause_before_a_cut_is_no_cut_of_the_next_utterance() -> None:
    pieces = spans(segment(Segmenter(QUICK), chances((0.9, 20), (0.0, 4), (0.9, 100))))
    assert pieces[0] == (0, 22, "length")
    assert all(end - start >= 30 for start, end, _ in pieces[1:])


def test_a_silence_at_the_limit_is_the_cut() -> None:
    events = segment(Segmenter(QUICK), chances((0.9, 49), (0.0, 4)))
    assert spans(events) == [(0, 53, "pause")]
    assert events[-1] == events[1], "no utterance is open, because silence follows"


def test_a_short_silence_at_the_limit_is_the_cut() -> None:
    windows, probabilities = sound(60, loudness=1_000), chances((0.9, 49), (0.0, 3), (0.9, 8))
    windows[49:52] = 0
    [(_, end, reason)] = spans(Segmenter(QUICK).process_windows(windows, probabilities))
    assert reason == "length"
    assert 49 < end < 52


def test_cutting_a_monologue_loses_and_repeats_no_sample() -> None:
    windows = np.random.default_rng(1).integers(-9_000, 9_000, (int(120 * SECOND), WINDOW)).astype(np.int16)
    segmenter = Segmenter()
    events = segmenter.process_windows(windows, chances((0.9, len(windows)))) + segmenter.end_utterance("stop")
    assert b"".join(u.clip.pcm for u in utterances(events)) == windows.tobytes()
    assert all(20 <= (u.clip.end_ms - u.clip.start_ms) / 1000 <= 25.2 for u in utterances(events)[:-1])


def test_hours_of_silence_take_no_memory() -> None:
    segmenter, hour = Segmenter(), int(3600 * SECOND)
    silence, nothing = np.zeros((hour // 60, WINDOW), np.int16), np.zeros(hour // 60, np.float32)
    tracemalloc.start()
    for _ in range(120):
        segmenter.process_windows(silence, nothing)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert segmenter.position == hour // 60 * 120 * WINDOW
    assert kept < 64_000


runs = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.4, 0.6, 0.95]), st.integers(1, 45)), min_size=1, max_size=25)


def speech(probabilities: Sequence[float], least: int) -> list[int]:
    """Windows of every run of certain speech that is long enough."""
    found: list[int] = []
    run: list[int] = []
    for index, probability in enumerate([*probabilities, 0.0]):
        if probability >= QUICK.start:
            run.append(index)
        else:
            found += run if len(run) >= least else []
            run = []
    return found


@given(runs)
def test_every_certain_speech_window_is_in_exactly_one_utterance(parts: list[tuple[float, int]]) -> None:
    segmenter, probabilities = Segmenter(QUICK), chances(*parts)
    events = segment(segmenter, probabilities) + segmenter.end_utterance("stop")
    for window in speech(probabilities.tolist(), least=3):
        assert sum(start <= window < end for start, end, _ in spans(events)) == 1


@given(runs, st.sets(st.integers(0, 400), max_size=6))
def test_utterances_are_ordered_and_contain_the_audio_at_their_position(
    parts: list[tuple[float, int]], finalized: set[int]
) -> None:
    segmenter, probabilities = Segmenter(QUICK), chances(*parts)
    windows, events = sound(len(probabilities)), list[SegmentEvent]()
    for at in range(len(windows)):
        events += segmenter.process_windows(windows[at : at + 1], probabilities[at : at + 1])
        events += segmenter.end_utterance("finalize") if at in finalized else []
    events += segmenter.end_utterance("stop")
    samples = windows.reshape(-1)
    for utterance in utterances(events):
        clip = utterance.clip
        assert clip.pcm == samples[clip.start_sample : clip.end_sample].tobytes()
        assert 0 < clip.end_sample - clip.start_sample <= (50 + 4) * WINDOW
    for earlier, later in pairwise(utterances(events)):
        assert earlier.clip.end_sample <= later.clip.start_sample


@given(runs)
def test_every_start_has_one_end_and_pauses_alternate_with_resumptions(parts: list[tuple[float, int]]) -> None:
    segmenter = Segmenter(QUICK)
    follows: dict[type | None, set[type]] = {
        None: {UtteranceStarted},
        UtteranceStarted: {PauseDetected, UtteranceEnded},
        PauseDetected: {SpeechResumed, UtteranceEnded},
        SpeechResumed: {PauseDetected, UtteranceEnded},
        UtteranceEnded: {UtteranceStarted},
    }
    events = segment(segmenter, chances(*parts)) + segmenter.end_utterance("stop")
    for before, after in pairwise([None, *map(type, events)]):
        assert after in follows[before]
    assert not segmenter.is_open


@given(runs, st.lists(st.integers(0, 60), max_size=20))
def test_the_result_does_not_depend_on_how_windows_are_split(parts: list[tuple[float, int]], cuts: list[int]) -> None:
    probabilities = chances(*parts)
    windows, at, pieces = sound(len(probabilities)), 0, list[SegmentEvent]()
    segmenter = Segmenter(QUICK)
    for size in [*cuts, len(windows)]:
        pieces += segmenter.process_windows(windows[at : at + size], probabilities[at : at + size])
        at += size
    assert pieces == Segmenter(QUICK).process_windows(windows, probabilities)
