"""Hours of audio, tested without audio: a window's probability is all that the segmenter knows of its sound."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.session.segmenter import WINDOW, Event, Pause, Resumed, Rules, Segmenter, SpeechStarted, Utterance

QUICK = Rules(min_speech_ms=96, pre_roll_ms=96, pause_ms=128, max_ms=1_600, search_ms=640)
"""3 windows of speech, 3 of pre-roll, 4 of pause, at most 50, cut in the last 20."""
SECOND = 1000 / 32


def sound(count: int, loudness: int = 100) -> NDArray[np.int16]:
    """Windows of which no two are alike."""
    numbers = np.arange(count * WINDOW, dtype=np.int64)
    return (loudness + numbers % 7 + numbers // WINDOW % 31).astype(np.int16).reshape(count, WINDOW)


def chances(*runs: tuple[float, int]) -> NDArray[np.float32]:
    """Probabilities from runs of (probability, windows)."""
    return np.concatenate([np.full(count, probability, np.float32) for probability, count in runs])


def heard(segmenter: Segmenter, probabilities: NDArray[np.float32]) -> list[Event]:
    return segmenter.feed(sound(len(probabilities)), probabilities)


def utterances(events: Iterable[Event]) -> list[Utterance]:
    return [event for event in events if isinstance(event, Utterance)]


def spans(events: Iterable[Event]) -> list[tuple[float, float, str]]:
    """Each utterance in windows, with its reason."""
    return [(u.clip.start_sample / WINDOW, u.clip.end_sample / WINDOW, u.reason) for u in utterances(events)]


def test_silence_brings_about_nothing() -> None:
    assert heard(Segmenter(), chances((0.0, 1_000))) == []


def test_an_utterance_runs_from_its_pre_roll_to_a_little_silence_behind_it() -> None:
    events = heard(Segmenter(QUICK), chances((0.0, 20), (0.9, 10), (0.0, 40)))
    assert events[0] == SpeechStarted(17 * WINDOW)
    assert spans(events) == [(17, 34, "silence")]


def test_an_utterance_is_announced_as_soon_as_there_is_enough_speech() -> None:
    segmenter = Segmenter(QUICK)
    assert heard(segmenter, chances((0.0, 20), (0.9, 2))) == []
    assert heard(segmenter, chances((0.9, 1))) == [SpeechStarted(17 * WINDOW)]


def test_a_click_starts_nothing() -> None:
    assert heard(Segmenter(QUICK), chances((0.0, 20), (1.0, 2), (0.0, 20), (1.0, 2), (0.0, 50))) == []


def test_speech_in_the_first_window_has_no_pre_roll() -> None:
    assert spans(heard(Segmenter(QUICK), chances((0.9, 10), (0.0, 30)))) == [(0, 14, "silence")]


def test_speech_between_the_thresholds_goes_on_but_does_not_begin() -> None:
    assert heard(Segmenter(QUICK), chances((0.4, 100))) == []
    events = heard(Segmenter(QUICK), chances((0.9, 3), (0.4, 10), (0.0, 19), (0.4, 30)))
    assert spans(events) == [(0, 17, "silence")]
    assert sum(isinstance(event, SpeechStarted) for event in events) == 1


def test_silence_turns_back_into_speech_only_at_the_higher_threshold() -> None:
    assert spans(heard(Segmenter(QUICK), chances((0.9, 5), (0.0, 1), (0.4, 30)))) == [(0, 9, "silence")]


def test_a_pause_comes_before_the_end_with_the_audio_that_the_end_will_have() -> None:
    segmenter = Segmenter(QUICK)
    events = heard(segmenter, chances((0.0, 20), (0.9, 10), (0.0, 4)))
    assert events[1:] == [Pause(34 * WINDOW)]
    early = segmenter.clip()
    [end] = utterances(heard(segmenter, chances((0.0, 30))))
    assert end.clip == early


def test_speech_after_a_pause_is_announced_and_the_utterance_goes_on() -> None:
    events = heard(Segmenter(QUICK), chances((0.9, 10), (0.0, 6), (0.9, 5), (0.0, 30)))
    assert events[1:4] == [Pause(14 * WINDOW), Resumed(16 * WINDOW), Pause(25 * WINDOW)]
    assert spans(events) == [(0, 25, "silence")]


def test_a_silence_of_just_a_pause_is_mentioned_and_taken_back() -> None:
    events = heard(Segmenter(QUICK), chances((0.9, 10), (0.0, 4), (0.9, 5)))
    assert events == [SpeechStarted(0), Pause(14 * WINDOW), Resumed(14 * WINDOW)]


def test_a_gap_shorter_than_a_pause_is_not_mentioned() -> None:
    events = heard(Segmenter(QUICK), chances((0.9, 10), (0.0, 3), (0.9, 5)))
    assert events == [SpeechStarted(0)]


@pytest.mark.parametrize(("endpoint_ms", "windows"), [(200, 7), (600, 19), (1_000, 32)])
def test_the_endpoint_is_as_long_as_asked(endpoint_ms: int, windows: int) -> None:
    segmenter = Segmenter(endpoint_ms=endpoint_ms)
    assert not utterances(heard(segmenter, chances((0.9, 20), (0.0, windows - 1))))
    assert utterances(heard(segmenter, chances((0.0, 1))))


def test_a_shorter_endpoint_takes_effect_in_mid_silence() -> None:
    segmenter = Segmenter(endpoint_ms=5_000)
    assert not utterances(heard(segmenter, chances((0.9, 20), (0.0, 30))))
    segmenter.endpoint_ms = 600
    assert utterances(heard(segmenter, chances((0.0, 1))))


def test_an_endpoint_shorter_than_the_pause_ends_without_one() -> None:
    events = heard(Segmenter(QUICK, endpoint_ms=64), chances((0.9, 5), (0.0, 2)))
    assert [type(event) for event in events] == [SpeechStarted, Utterance]


def test_finalize_ends_the_utterance_here_and_now() -> None:
    segmenter = Segmenter(QUICK)
    heard(segmenter, chances((0.0, 20), (0.9, 10)))
    assert spans(segmenter.finalize()) == [(17, 30, "finalize")]
    assert segmenter.finalize() == []


def test_speech_that_goes_on_after_finalize_is_the_next_utterance_and_nothing_is_heard_twice() -> None:
    segmenter = Segmenter(QUICK)
    heard(segmenter, chances((0.9, 10)))
    segmenter.finalize()
    events = heard(segmenter, chances((0.9, 10), (0.0, 30)))
    assert spans(events) == [(10, 24, "silence")]


def test_stop_ends_the_utterance_without_the_silence_behind_it() -> None:
    segmenter = Segmenter(QUICK)
    heard(segmenter, chances((0.9, 10), (0.0, 8)))
    assert spans(segmenter.flush()) == [(0, 14, "stop")]
    assert segmenter.flush() == []


def test_the_open_utterance_can_be_read_while_it_grows() -> None:
    segmenter = Segmenter(QUICK)
    assert segmenter.clip() is None
    windows, probabilities = sound(20), chances((0.9, 20))
    segmenter.feed(windows, probabilities)
    clip = segmenter.clip()
    assert clip is not None
    assert clip.pcm == windows.tobytes()
    assert (clip.start_ms, clip.end_ms) == (0, 640)


def test_positions_count_from_where_a_resumed_session_takes_up() -> None:
    segmenter = Segmenter(QUICK, first_sample=160_000)
    [utterance] = utterances(heard(segmenter, chances((0.9, 5), (0.0, 30))))
    assert utterance.clip.start_ms == 10_000
    assert segmenter.position == 160_000 + 35 * WINDOW


def test_a_long_utterance_is_cut_at_its_quietest_point() -> None:
    windows = sound(60, loudness=1_000)
    windows[37:41] //= 100
    events = Segmenter(QUICK).feed(windows, chances((0.9, 60)))
    assert spans(events) == [(0, 39, "length")]
    assert events[-1] == SpeechStarted(39 * WINDOW)


def test_a_long_utterance_is_not_cut_within_words_already_promised() -> None:
    windows, segmenter = sound(60, loudness=1_000), Segmenter(QUICK)
    windows[37:41] //= 100
    segmenter.promised = 45 * WINDOW
    [(_, end, reason)] = spans(segmenter.feed(windows, chances((0.9, 60))))
    assert reason == "length"
    assert 45 <= end < 50


def test_a_silence_that_begins_at_the_limit_is_where_the_cut_falls() -> None:
    events = heard(Segmenter(QUICK), chances((0.9, 49), (0.0, 4)))
    assert spans(events) == [(0, 53, "length")]
    assert events[-1] == events[1], "nothing is open: what follows is silence"


def test_at_the_limit_a_breath_within_speech_is_waited_out_and_cut_in() -> None:
    windows, probabilities = sound(60, loudness=1_000), chances((0.9, 49), (0.0, 3), (0.9, 8))
    windows[49:52] = 0
    [(_, end, reason)] = spans(Segmenter(QUICK).feed(windows, probabilities))
    assert reason == "length"
    assert 49 < end < 52


def test_a_monologue_is_cut_again_and_again_with_no_sample_lost_or_doubled() -> None:
    windows = np.random.default_rng(1).integers(-9_000, 9_000, (int(120 * SECOND), WINDOW)).astype(np.int16)
    segmenter = Segmenter()
    events = segmenter.feed(windows, chances((0.9, len(windows)))) + segmenter.flush()
    assert b"".join(u.clip.pcm for u in utterances(events)) == windows.tobytes()
    assert all(20 <= (u.clip.end_ms - u.clip.start_ms) / 1000 <= 25.2 for u in utterances(events)[:-1])


def test_hours_of_silence_take_no_memory() -> None:
    segmenter, hour = Segmenter(), int(3600 * SECOND)
    silence, nothing = np.zeros((hour // 60, WINDOW), np.int16), np.zeros(hour // 60, np.float32)
    tracemalloc.start()
    for _ in range(120):
        segmenter.feed(silence, nothing)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert segmenter.position == hour // 60 * 120 * WINDOW
    assert kept < 64_000


runs = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.4, 0.6, 0.95]), st.integers(1, 45)), min_size=1, max_size=25)
"""Any speech at all: loud, doubtful, silent, short or longer than the limit."""


def speech(probabilities: Sequence[float], least: int) -> list[int]:
    """Windows of every run of sure speech that is long enough."""
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
def test_every_sure_window_of_speech_is_in_exactly_one_utterance(parts: list[tuple[float, int]]) -> None:
    segmenter, probabilities = Segmenter(QUICK), chances(*parts)
    events = heard(segmenter, probabilities) + segmenter.flush()
    for window in speech(probabilities.tolist(), least=3):
        assert sum(start <= window < end for start, end, _ in spans(events)) == 1


@given(runs, st.sets(st.integers(0, 400), max_size=6))
def test_utterances_are_in_order_without_overlap_and_hold_the_audio_they_name(
    parts: list[tuple[float, int]], finalized: set[int]
) -> None:
    segmenter, probabilities = Segmenter(QUICK), chances(*parts)
    windows, events = sound(len(probabilities)), list[Event]()
    for at in range(len(windows)):
        events += segmenter.feed(windows[at : at + 1], probabilities[at : at + 1])
        events += segmenter.finalize() if at in finalized else []
    events += segmenter.flush()
    samples = windows.reshape(-1)
    for utterance in utterances(events):
        clip = utterance.clip
        assert clip.pcm == samples[clip.start_sample : clip.end_sample].tobytes()
        assert 0 < clip.end_sample - clip.start_sample <= (50 + 4) * WINDOW
    for earlier, later in pairwise(utterances(events)):
        assert earlier.clip.end_sample <= later.clip.start_sample


@given(runs)
def test_every_start_has_one_end_and_pauses_and_resumptions_alternate_between(parts: list[tuple[float, int]]) -> None:
    segmenter = Segmenter(QUICK)
    follows: dict[type | None, set[type]] = {
        None: {SpeechStarted},
        SpeechStarted: {Pause, Utterance},
        Pause: {Resumed, Utterance},
        Resumed: {Pause, Utterance},
        Utterance: {SpeechStarted},
    }
    events = heard(segmenter, chances(*parts)) + segmenter.flush()
    for before, after in pairwise([None, *map(type, events)]):
        assert after in follows[before]
    assert not segmenter.speaking


@given(runs, st.lists(st.integers(0, 60), max_size=20))
def test_it_makes_no_difference_how_the_windows_are_handed_over(
    parts: list[tuple[float, int]], cuts: list[int]
) -> None:
    probabilities = chances(*parts)
    windows, at, pieces = sound(len(probabilities)), 0, list[Event]()
    segmenter = Segmenter(QUICK)
    for size in [*cuts, len(windows)]:
        pieces += segmenter.feed(windows[at : at + size], probabilities[at : at + size])
        at += size
    assert pieces == Segmenter(QUICK).feed(windows, probabilities)
