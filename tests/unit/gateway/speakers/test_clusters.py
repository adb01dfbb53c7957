import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.speakers.clusters import MIN_SECONDS, SpeakerClusters
from tests.testkit.streams.voices import voice


def labels(clusters: SpeakerClusters, *spoken: tuple[int, float], max_speakers: int = 10) -> list[str]:
    return [
        clusters.assign(voice(speaker, 0.3, seed), seconds, max_speakers).label
        for seed, (speaker, seconds) in enumerate(spoken)
    ]


def test_speakers_are_numbered_in_the_order_in_which_they_first_speak() -> None:
    found = labels(SpeakerClusters(), (7, 3.0), (7, 2.0), (3, 3.0), (7, 4.0), (3, 2.0), (5, 9.0))
    assert found == ["1", "1", "2", "1", "2", "3"]


def test_the_similarity_is_that_to_earlier_speech() -> None:
    clusters = SpeakerClusters()
    assert clusters.assign(voice(1), 3.0, 10).similarity is None
    again = clusters.assign(voice(1), 3.0, 10).similarity
    assert again is not None
    assert round(again, 4) == 1.0


def test_short_speech_gets_a_label_but_changes_no_speaker() -> None:
    clusters = SpeakerClusters()
    labels(clusters, (1, 3.0), (2, 3.0))
    before = clusters.speakers
    assert labels(clusters, (1, 1.0), (2, 1.0), (3, 1.0))[:2] == ["1", "2"]
    assert clusters.speakers is before
    assert clusters.count == 2


def test_a_session_may_begin_with_short_speech() -> None:
    assert labels(SpeakerClusters(), (1, 0.4), (1, 3.0), (2, 3.0)) == ["1", "1", "2"]


def test_no_more_labels_are_given_than_are_wanted() -> None:
    clusters = SpeakerClusters()
    found = labels(clusters, *((speaker, 3.0) for speaker in range(6)), max_speakers=2)
    assert set(found) == {"1", "2"}


def test_a_strange_voice_beyond_the_largest_number_changes_no_speaker() -> None:
    clusters = SpeakerClusters()
    labels(clusters, (1, 3.0), max_speakers=1)
    before = clusters.speakers
    labels(clusters, (2, 3.0), max_speakers=1)
    assert clusters.speakers is before


def test_labels_that_become_similar_are_merged_into_the_earlier_one() -> None:
    clusters = SpeakerClusters()
    first, last = voice(1), voice(2)
    middle = (first + last) / np.float32(np.linalg.norm(first + last))
    # The two are dissimilar, and speech between them draws the first one towards the second.
    assert [clusters.assign(one, 3.0, 10).label for one in (first, last)] == ["1", "2"]
    assert clusters.merge() == []
    for _ in range(60):
        clusters.assign(middle, 3.0, 10)
    assert clusters.merge() == [("1", "2")]
    assert [speaker.label for speaker in clusters.speakers] == ["1"]
    assert clusters.assign(voice(9), 3.0, 10).label == "3", "a label is not used again"


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.1, 30.0)), max_size=30), st.integers(1, 5))
def test_every_voice_gets_a_label_within_the_limit(spoken: list[tuple[int, float]], most: int) -> None:
    clusters = SpeakerClusters()
    found = labels(clusters, *spoken, max_speakers=most)
    assert len(found) == len(spoken)
    assert len(set(found)) <= most
    assert clusters.count == len({*found})


@given(st.integers(0, 50), st.floats(MIN_SECONDS, 10.0))
def test_the_same_voice_always_has_the_same_label(seed: int, seconds: float) -> None:
    clusters = SpeakerClusters()
    assert labels(clusters, (seed, seconds), (seed, seconds), (seed, 0.5)) == ["1"] * 3
