"""Corrections of captions that readers have."""

import json
from typing import Any

from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.corrections import LoggedCaption, corrected_captions
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.lines.views import LanguageView, replay


def spoken(text: str = "One.", line: str = "a-1", **fields: Any) -> Caption:
    return Caption(line=line, text=text, language="en", **{"is_final": True, "speaker": "3", **fields})


UNO = Caption(line="a-1", text="Uno.", language="es", is_translation=True, is_final=True)
LOG: list[LoggedCaption] = [("1-0", spoken(translate_to=("es",))), ("2-0", UNO), ("3-0", spoken("Two.", "a-2"))]


def correction(text: str, language: str = "", log: list[LoggedCaption] = LOG) -> Caption:
    corrected = corrected_captions(log, "a-1", text, language)
    assert corrected
    return corrected[0]


def texts(frames: list[CaptionFrame]) -> list[str]:
    return [json.loads(frame.json)["text"] for frame in frames]


def shown(view: LanguageView, caption: Caption, cursor: str = "9-0") -> dict[str, Any] | None:
    frame = view.apply(caption, cursor)
    return json.loads(frame.json) if frame else None


def test_a_correction_replaces_the_text_in_the_language_that_was_spoken() -> None:
    corrected = corrected_captions(LOG, "a-1", "Won.", "")
    assert corrected
    published, changed = corrected
    assert (published.text, published.language, published.corrected) == ("Won.", "en", True)
    assert list(changed) == ["1-0"]
    first = changed["1-0"]
    assert first
    assert (first.text, first.translate_to) == ("Won.", ("es",))


def test_a_translation_is_corrected_by_its_language() -> None:
    corrected = corrected_captions(LOG, "a-1", "Un.", "spa_Latn")
    assert corrected
    published, changed = corrected
    assert (published.text, published.language, published.is_translation, published.speaker) == ("Un.", "es", True, "3")
    assert list(changed) == ["2-0"]


def test_a_correction_removes_earlier_ones_of_the_same_text() -> None:
    later: list[LoggedCaption] = [("4-0", correction("Won.")), ("5-0", correction("Un.", "es"))]
    corrected = corrected_captions([*LOG, *later], "a-1", "Once.", "")
    assert corrected
    assert {cursor: caption and caption.text for cursor, caption in corrected[1].items()} == {
        "1-0": "Once.",
        "4-0": None,
    }
    removed = corrected_captions([*LOG, *later], "a-1", "", "")
    assert removed
    assert {cursor for cursor, caption in removed[1].items() if caption is None} == {"4-0", "5-0"}


def test_unknown_lines_and_languages_have_no_correction() -> None:
    assert corrected_captions(LOG, "a-9", "x", "") is None
    assert corrected_captions(LOG, "a-1", "x", "fr") is None


def test_readers_get_corrections_of_the_text_that_they_see() -> None:
    in_english, in_spanish, in_german = (replay(LanguageView(code), LOG) for code in ("", "es", "de"))
    assert shown(in_spanish, correction("Won.")) is None
    found = shown(in_english, correction("Won."))
    assert found
    assert (found["text"], found["corrected"], found["is_final"], found["cursor"]) == ("Won.", True, True, "9-0")
    assert "is_correction" not in found
    fallback = shown(in_german, correction("Won."))  # there is no German translation, so the text is as it was spoken
    assert fallback
    assert fallback["text"] == "Won."
    assert (shown(in_spanish, correction("Un.", "es")) or {})["text"] == "Un."


def test_late_readers_get_only_the_corrected_text_in_the_order_of_the_lines() -> None:
    view = replay(LanguageView(), LOG)
    view.apply(correction("Won."), "4-0")
    assert texts(view.last_lines(5)) == ["Won.", "Two."]
    assert texts(view.last_lines(1)) == ["Two."]
    # A reader that was away during the correction gets it.
    assert texts(view.after("3-0")) == ["Won."]
    view.apply(correction("Wan."), "5-0")
    assert texts(view.after("0-0")) == ["Wan.", "Two.", "Wan.", "Wan."]


def test_an_empty_text_removes_the_line_in_every_language_until_it_is_corrected_again() -> None:
    for language in ("", "es", "de"):
        view = replay(LanguageView(language), LOG)
        assert (shown(view, correction(""), "4-0") or {})["text"] == ""
        assert texts(view.last_lines(5)) == ["", "Two."]
    view = replay(LanguageView(), LOG)
    view.apply(correction(""), "4-0")
    assert (shown(view, correction("One!"), "5-0") or {})["text"] == "One!"


def test_a_line_that_awaits_its_translation_is_corrected_without_a_caption() -> None:
    view = replay(LanguageView("es"), LOG[:1])
    assert shown(view, correction("Won.")) is None
    missing = UNO.model_copy(update={"text": "", "is_missing": True})
    assert (shown(view, missing) or {})["text"] == "Won."
    removed = replay(LanguageView("es"), LOG[:1])
    assert (shown(removed, correction("")) or {})["text"] == ""
    assert shown(removed, UNO) is None


def test_merged_speakers_are_renamed_for_late_readers_of_the_session() -> None:
    merge = spoken("Three.", "a-3", speaker="1", merged_speakers={"3": "2", "2": "1"})
    log = [*LOG, ("4-0", spoken("Other.", "b-1")), ("5-0", merge)]
    view = replay(LanguageView(), log)
    assert [json.loads(frame.json)["speaker"] for frame in view.last_lines(5)] == ["1", "1", "3", "1"]
    assert correction("Won.", log=log).speaker == "1"


def test_readers_of_translations_learn_of_merged_speakers() -> None:
    view = replay(LanguageView("es"), [("1-0", spoken(translate_to=("es",), merged_speakers={"3": "1"}))])
    assert (shown(view, UNO) or {})["merged_speakers"] == {"3": "1"}
