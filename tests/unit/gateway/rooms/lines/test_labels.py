"""Labels of speakers that turn out to be another one."""

from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.labels import RoomLabels, SpeakerLabel
from gateway.rooms.lines.views import LanguageView, replay


def of(labels: RoomLabels, speaker: str, session: str = "a") -> SpeakerLabel:
    found = labels.of(Caption(line=f"{session}-1", text="x", language="en", speaker=speaker))
    assert found
    return found


def test_a_merge_changes_earlier_lines_of_the_session_only() -> None:
    labels = RoomLabels()
    earlier, other = of(labels, "3"), of(labels, "3", "b")
    labels.merge("a", {"3": "1"})
    later = of(labels, "3")
    assert [label.current for label in (earlier, other, later)] == ["1", "3", "3"]


def test_merges_follow_each_other_and_may_take_a_label_back() -> None:
    labels = RoomLabels()
    one = of(labels, "1")
    labels.merge("a", {"1": "2", "2": "3"})
    assert one.current == "3"
    labels.merge("a", {"3": "1"})
    labels.merge("a", {"1": "1", "9": "8"})
    assert one.current == "1"
    assert of(labels, "1") is not one
    assert of(labels, "1").current == "1"


def test_a_caption_without_a_speaker_has_no_label() -> None:
    assert RoomLabels().of(Caption(line="a-1", text="x", language="en")) is None


def test_a_thousand_lines_that_each_merge_a_speaker_end_with_one() -> None:
    spoken = Caption(line="", text="x", language="en", is_final=True)
    names = [{"line": f"a-{n}", "speaker": str(n), "merged_speakers": {str(n - 1): str(n)}} for n in range(1, 1_001)]
    log = [(f"{n}-0", spoken.model_copy(update=fields)) for n, fields in enumerate(names, 1)]
    shown = [frame.caption for frame in replay(LanguageView(), log).after("0-0")]
    assert {caption.speaker for caption in shown if caption} == {"1000"}


def test_labels_that_no_line_has_are_forgotten() -> None:
    labels = RoomLabels()
    of(labels, "1")
    kept = of(labels, "2")
    assert [label.current for label in labels._labels.values()] == ["2"]
    assert kept.current == "2"
