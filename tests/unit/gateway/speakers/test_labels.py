from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

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
