"""The events of a session as captions of its room."""

from backend.messages.protocol import Done, Error, Final, Message, Notice, Partial, SpeakersMerged, Translation
from backend.messages.rooms.captions import Caption
from gateway.rooms.publishing.captions import CaptionBuilder

PARTIAL = Partial(utterance=1, revision=1, committed="one", tentative=" two", language="en", start_ms=0, end_ms=900)
FINAL = Final(
    utterance=1, text="One, two.", language="en", confidence=0.9, start_ms=0, end_ms=1_000, translate_to=("es",)
)


def captions(*events: Message, session: str = "s") -> list[Caption]:
    builder = CaptionBuilder(session)
    return [caption for event in events if (caption := builder.caption(event))]


def test_partials_and_finals_are_text_of_one_line() -> None:
    partial, final = captions(PARTIAL, FINAL)
    assert partial.line == final.line
    assert (partial.text, partial.is_final) == ("one two", False)
    assert (final.text, final.is_final, final.translate_to, final.end_ms) == ("One, two.", True, ("es",), 1_000)


def test_finals_of_a_channel_have_its_label_unless_they_name_a_speaker() -> None:
    builder = CaptionBuilder("s", speaker="2")
    named = FINAL.model_copy(update={"utterance": 2, "speaker": "Anna"})
    assert [caption.speaker for event in (FINAL, named) if (caption := builder.caption(event))] == ["2", "Anna"]


def test_lines_of_sessions_differ_and_do_not_show_the_id_of_the_session() -> None:
    first, second = captions(FINAL, session="secret-1")[0], captions(FINAL, session="secret-2")[0]
    assert first.line != second.line
    assert "secret" not in first.line


def test_translations_name_their_language() -> None:
    event = Translation(utterance=1, language="es", text="Uno.", is_final=True)
    (caption,) = captions(event)
    assert (caption.text, caption.language, caption.is_translation, caption.is_final) == ("Uno.", "es", True, True)


def test_a_notice_about_a_translation_says_that_it_is_missing() -> None:
    notice = Notice(code="unsupported_pair", message="", utterance=1, language="es")
    _, missing = captions(FINAL, notice)
    assert (missing.is_missing, missing.language) == (True, "es")


def test_an_error_removes_the_line_or_leaves_its_text_without_translations() -> None:
    error = Error(code="max_attempts", message="", utterance=1)
    (removed,) = captions(error)
    assert (removed.text, removed.is_final, removed.is_translation) == ("", True, False)
    _, missing = captions(FINAL, error)
    assert (missing.is_missing, missing.language) == (True, "")


def test_merged_speakers_come_with_the_final_that_showed_it() -> None:
    merges = [SpeakersMerged(speaker="2", merged="3"), SpeakersMerged(speaker="1", merged="2")]
    merged, later = captions(*merges, FINAL, FINAL.model_copy(update={"utterance": 2}))
    assert merged.merged_speakers == {"3": "2", "2": "1"}
    assert later.merged_speakers is None


def test_lines_in_progress_are_withdrawn_in_every_language() -> None:
    builder = CaptionBuilder("s")
    later = [PARTIAL.model_copy(update={"utterance": n, "language": "de"}) for n in (2, 3)]
    preview = Translation(utterance=3, language="es", text="Tres", is_final=False)
    for event in (PARTIAL, *later, preview, FINAL, preview.model_copy(update={"utterance": 1})):
        builder.caption(event)
    withdrawn = [(one.line[-1], one.language, one.is_translation) for one in builder.withdrawn()]
    assert withdrawn == [("2", "de", False), ("3", "de", False), ("3", "es", True)]
    builder.caption(later[0])
    assert [(one.text, one.is_final) for one in builder.withdrawn()] == [("", False)]
    assert builder.withdrawn() == []


def test_other_events_are_no_captions() -> None:
    assert captions(Done(), Notice(code="redis_slow", message=""), Error(code="x", message="")) == []
