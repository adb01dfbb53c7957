import base64
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.messages.jobs import ChannelMessage, FinalResult
from backend.messages.protocol import Final, SpeakersMerged, Start
from gateway.speakers.labels import MAX_UTTERANCES, SpeakerLabels
from tests.testkit.streams.jobs import final
from tests.testkit.streams.voices import spoken_final

WANTED = Start(speakers=True)


def session(options: Start = WANTED) -> SpeakerLabels:
    speakers = SpeakerLabels()
    speakers.apply_options(options)
    return speakers


def received(speakers: SpeakerLabels, result: Final) -> list[Final | SpeakersMerged]:
    """The events of a result, which the session log has at the position of its utterance."""
    speakers.observe(ChannelMessage(f"{result.utterance}-0", result))
    return speakers.labelled(result.event() if isinstance(result, FinalResult) else result)


def named(speakers: SpeakerLabels, *results: Final) -> list[str | None]:
    return [event.speaker for one in results for event in received(speakers, one) if isinstance(event, Final)]


def test_finals_have_the_label_of_their_speaker() -> None:
    speakers = session()
    assert named(speakers, spoken_final(1, 7), spoken_final(2, 8), spoken_final(3, 7)) == ["1", "2", "1"]
    (again,) = received(speakers, spoken_final(4, 8))
    assert isinstance(again, Final)
    assert again.speaker_similarity is not None
    assert 0.6 < again.speaker_similarity <= 1
    assert again.speaker_segments is None


def test_an_utterance_of_several_speakers_has_their_parts() -> None:
    (event,) = received(session(), spoken_final(1, 7, 8))
    assert isinstance(event, Final)
    assert event.speaker_segments is not None
    parts = [(one.speaker, one.text, one.start_ms, one.end_ms) for one in event.speaker_segments]
    assert parts == [("1", "word0", 100_000, 103_000), ("2", "word1", 103_000, 106_000)]
    assert event.speaker == "1", "the first of those who speak longest"


def test_parts_of_one_speaker_are_joined() -> None:
    (event,) = received(session(), spoken_final(1, 7, 7, 8))
    assert isinstance(event, Final)
    assert event.speaker_segments is not None
    assert [one.text for one in event.speaker_segments] == ["word0 word1", "word2"]
    (event,) = received(session(), spoken_final(1, 7, 7))
    assert isinstance(event, Final)
    assert (event.speaker, event.speaker_segments) == ("1", None)


def test_a_final_without_voices_has_no_label() -> None:
    """It has no words, or its worker has no model."""
    speakers = session()
    assert named(speakers, spoken_final(1, 7), final(2, ""), final(3, "old worker"), spoken_final(4, 7)) == [
        "1",
        None,
        None,
        "1",
    ]


def test_without_the_option_nothing_is_labelled_and_stored() -> None:
    speakers = session(Start())
    assert named(speakers, spoken_final(1, 7)) == [None]
    assert speakers.record() == ""
    assert speakers.log_cursor("5-0") == "5-0", "the log is not read again"


def test_a_result_that_arrives_twice_counts_once() -> None:
    speakers = session()
    received(speakers, spoken_final(1, 7))
    record = speakers.record()
    assert named(speakers, spoken_final(1, 7)) == ["1"]
    assert speakers.record() == record


def test_a_damaged_record_is_ignored() -> None:
    speakers = session()
    for record in ("", "{", '{"cursor":"5-0"}', '{"cursor":"x","count":1}'):
        speakers.restore(record)
        assert speakers.cursor == "0-0"


def test_only_recent_utterances_are_kept() -> None:
    speakers = session()
    named(speakers, *(spoken_final(number, number % 3) for number in range(1, MAX_UTTERANCES + 20)))
    assert len(speakers._utterances) == MAX_UTTERANCES
    assert len(speakers.record()) < 20_000


def test_a_merge_is_reported_before_the_final_that_shows_it() -> None:
    """Short, doubtful speech of one voice first looks like two speakers."""
    speakers = session()
    received(speakers, spoken_final(1, 7))
    received(speakers, spoken_final(2, 8))
    kept, gone = speakers._clusters.speakers
    # As if much speech had drawn the second speaker towards the first.
    speakers._clusters.speakers = (kept, gone.extended(kept.direction * 4, 12.0))
    merged, last = received(speakers, spoken_final(3, 9))
    assert isinstance(merged, SpeakersMerged)
    assert (merged.speaker, merged.merged) == ("1", "2")
    assert isinstance(last, Final)
    assert last.speaker == "3"
    assert named(speakers, spoken_final(4, 7)) == ["1"]


def resumed(log: Sequence[FinalResult], record: str, cursor: int) -> list[str]:
    """The events that a client at this position gets from another gateway, as JSON."""
    speakers = SpeakerLabels()
    speakers.restore(record)
    speakers.apply_options(WANTED)
    start = int(speakers.log_cursor(f"{cursor}-0").partition("-")[0])
    events = []
    for result in log[start:]:
        both = received(speakers, result)
        events += [event.model_dump_json() for event in both if result.utterance > cursor]
    return events


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=2), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_another_gateway_gives_the_same_labels(spoken: list[list[int]], stored: int, cursor: int) -> None:
    """Whatever the gateway stored last, and whatever the client received last."""
    log = [spoken_final(number, *speakers) for number, speakers in enumerate(spoken, 1)]
    speakers, record, uninterrupted = session(), "", list[str]()
    for result in log:
        both = received(speakers, result)
        if result.utterance <= stored:
            record = speakers.record()
        if result.utterance > cursor:
            uninterrupted += [event.model_dump_json() for event in both]
    assert resumed(log, record, cursor) == uninterrupted


def with_similarity(utterance: int, similarity: float) -> FinalResult:
    """A final whose voice has this similarity to an axis, and to one other axis."""
    vector = np.zeros(8, np.float32)
    vector[:2] = similarity, np.sqrt(1 - similarity**2)
    return with_voice(utterance, vector)


def with_voice(utterance: int, vector: NDArray[np.float32]) -> FinalResult:
    result = spoken_final(utterance, 1, seconds=10.0)
    embedding = base64.b64encode(vector.astype("<f2").tobytes()).decode()
    return result.model_copy(update={"voices": (result.voices[0].model_copy(update={"embedding": embedding}),)})


def test_the_final_that_merges_its_own_label_has_the_one_that_stays() -> None:
    speakers = session()
    events = [received(speakers, with_similarity(n, one)) for n, one in enumerate((1.0, 0.55, 0.85, 0.86, 0.9), 1)]
    merges = [(n, one) for n, batch in enumerate(events) for one in batch if isinstance(one, SpeakersMerged)]
    assert [(one.speaker, one.merged) for _, one in merges] == [("1", "2")]
    ((place, _),) = merges
    final_event = events[place][-1]
    assert isinstance(final_event, Final)
    assert final_event.speaker == "1", "label 2 is not used again"


@pytest.mark.parametrize("embedding", ["", "AAA", base64.b64encode(np.ones(64, "<f2").tobytes()).decode()])
def test_a_voice_that_another_model_described_has_no_label(embedding: str) -> None:
    speakers = session()
    assert named(speakers, spoken_final(1, 7)) == ["1"]
    other = spoken_final(2, 7)
    other = other.model_copy(update={"voices": (other.voices[0].model_copy(update={"embedding": embedding}),)})
    assert named(speakers, other, spoken_final(3, 7)) == [None, "1"]


def test_finals_from_before_the_option_are_not_counted_later() -> None:
    """Otherwise a gateway that resumes the session, and reads the log again, would count them."""
    speakers = session(Start())
    received(speakers, spoken_final(1, 7))
    speakers.apply_options(WANTED)
    assert speakers.log_cursor("1-0") == "1-0"
    assert named(speakers, spoken_final(2, 8)) == ["1"]
