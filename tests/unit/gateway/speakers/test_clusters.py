from hypothesis import given
from hypothesis import strategies as st

from gateway.speakers.clusters import MAX_SAME, MERGED, MIN_SECONDS, Speaker, SpeakerClusters
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


def test_labels_that_are_similar_are_merged_into_the_earlier_one() -> None:
    first = Speaker("1", voice(1) * 3, 3.0)
    apart, close = Speaker("2", voice(2) * 3, 3.0), Speaker("3", voice(1, 0.4) * 6, 6.0)
    clusters = SpeakerClusters([first, apart, close], count=3)
    assert close.similarity(first.direction) >= MERGED > apart.similarity(first.direction)
    assert clusters.merge() == [("1", "3")]
    assert clusters.merge() == []
    assert [(speaker.label, speaker.seconds) for speaker in clusters.speakers] == [("1", 9.0), ("2", 3.0)]
    assert clusters.assign(voice(9), 3.0, 10).label == "4", "a label is not used again"


def test_speech_of_a_speaker_who_was_only_briefly_known_may_be_less_similar() -> None:
    """Short speech is similar to less of the same speaker."""
    known = Speaker("1", voice(1), 1.0)
    assert known.lowest_similarity(20.0) == known.lowest_similarity(1.0) < MAX_SAME
    assert Speaker("1", voice(1), 60.0).lowest_similarity(20.0) == MAX_SAME


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
