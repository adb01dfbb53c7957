from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.cli.files.speaker_parts import relabelled, split_by_speaker
from backend.messages.protocol import Final, SpeakerSegment, SpeakersMerged, Word


def spoken(bounds: list[int], words: list[int]) -> Final:
    """A final whose speakers change at these times, with words of 200 ms."""
    edges = [0, *bounds, 10_000]
    segments = tuple(
        SpeakerSegment(speaker=str(n % 3 + 1), start_ms=start, end_ms=end, text=f"part {n}")
        for n, (start, end) in enumerate(pairwise(edges))
    )
    return Final(
        utterance=1,
        text="all",
        language="en",
        confidence=0.9,
        start_ms=0,
        end_ms=10_000,
        words=tuple(Word(word=" w", start_ms=at, end_ms=at + 200, confidence=0.9) for at in words),
        speaker="1",
        speaker_segments=segments if bounds else None,
    )


@given(st.sets(st.integers(1, 9_999), max_size=4), st.lists(st.integers(0, 9_800), max_size=8))
def test_every_word_belongs_to_one_part(bounds: set[int], words: list[int]) -> None:
    whole = spoken(sorted(bounds), sorted(words))
    parts = list(split_by_speaker([whole]))
    assert len(parts) == len(bounds) + 1
    assert tuple(word for part in parts for word in part.words or ()) == whole.words
    assert [part.speaker_segments for part in parts] == [None] * len(parts)


def test_a_merged_label_is_replaced_everywhere() -> None:
    merge = SpeakersMerged(speaker="9", merged="1")
    changed = relabelled(spoken([1_000, 2_000, 3_000], []), merge)
    assert changed.speaker == "9"
    assert [segment.speaker for segment in changed.speaker_segments or ()] == ["9", "2", "3", "9"]
    assert relabelled(changed, merge) == changed
