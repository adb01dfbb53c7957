"""A room as its readers see it, in the languages that they read."""

import json
from typing import Any

from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.lines.views import MAX_AWAITED, LanguageView, replay


def spoken(line: str, text: str, language: str = "en", **fields: Any) -> Caption:
    return Caption(line=line, text=text, language=language, **{"is_final": True, "start_ms": 5, **fields})


def translated(line: str, text: str, language: str = "es", **fields: Any) -> Caption:
    return Caption(line=line, text=text, language=language, is_translation=True, **{"is_final": True, **fields})


def shown(view: LanguageView, *captions: Caption) -> list[tuple[str, str]]:
    """The text and language of what readers receive."""
    frames = [view.apply(caption, f"{n}-0") for n, caption in enumerate(captions, 1)]
    bodies = [json.loads(frame.json) for frame in frames if frame]
    return [(body["text"], body["language"]) for body in bodies]


ONE = spoken("a-1", "One.", translate_to=("es", "fr"))
UNO = translated("a-1", "Uno.")


def test_without_a_language_readers_see_what_is_spoken() -> None:
    live = spoken("a-1", "on", is_final=False)
    assert shown(LanguageView(), live, ONE, UNO) == [("on", "en"), ("One.", "en")]


def test_text_in_progress_that_is_late_changes_no_final() -> None:
    late = spoken("a-1", "", is_final=False)
    for language in ("", "en"):
        assert shown(LanguageView(language), late, ONE, late) == [("", "en"), ("One.", "en")]


def test_readers_of_a_language_see_its_translations_only() -> None:
    live = translated("a-1", "u", is_final=False)
    captions = [spoken("a-1", "on", is_final=False), live, ONE, translated("a-1", "Un.", "fr"), UNO]
    assert shown(LanguageView("es"), *captions) == [("u", "es"), ("Uno.", "es")]
    assert shown(LanguageView("spa_Latn"), *captions) == [("u", "es"), ("Uno.", "es")]


def test_a_translation_has_the_times_and_the_speaker_of_its_line() -> None:
    view = LanguageView("es")
    view.apply(ONE.model_copy(update={"speaker": "2"}), "1-0")
    frame = view.apply(UNO, "2-0")
    assert frame
    assert json.loads(frame.json) == {
        "type": "caption",
        "line": "a-1",
        "text": "Uno.",
        "language": "es",
        "is_translation": True,
        "is_final": True,
        "speaker": "2",
        "start_ms": 5,
        "cursor": "2-0",
    }


def test_what_is_spoken_in_the_language_is_shown_once() -> None:
    hola = spoken("a-1", "Hola.", "es", translate_to=("es", "en"))
    assert shown(LanguageView("es"), spoken("a-1", "Ho", "es", is_final=False), hola, translated("a-1", "Hola.")) == [
        ("Ho", "es"),
        ("Hola.", "es"),
    ]


def test_a_line_that_is_not_translated_is_shown_as_it_was_spoken() -> None:
    assert shown(LanguageView("de"), ONE) == [("One.", "en")]
    assert shown(LanguageView("es"), ONE, translated("a-1", "", is_missing=True)) == [("One.", "en")]
    assert shown(LanguageView("es"), ONE, translated("a-1", "", "", is_missing=True)) == [("One.", "en")]
    assert shown(LanguageView("es"), ONE, translated("a-1", "", "fr", is_missing=True), UNO) == [("Uno.", "es")]


def test_an_empty_final_removes_the_line_in_every_language() -> None:
    empty = spoken("a-1", "", translate_to=())
    assert shown(LanguageView("es"), empty) == [("", "en")]


def test_a_late_preview_does_not_replace_a_final() -> None:
    assert shown(LanguageView("es"), ONE, translated("a-1", "u", is_final=False), UNO) == [("Uno.", "es")]
    assert shown(LanguageView("es"), ONE, UNO, translated("a-1", "u", is_final=False)) == [("Uno.", "es")]


def test_translations_that_never_arrive_are_forgotten() -> None:
    view = LanguageView("es")
    for n in range(MAX_AWAITED + 1):
        view.apply(spoken(f"a-{n}", "x", translate_to=("es",)), f"{n + 1}-0")
    assert view.apply(translated("a-0", "y"), "999-0") is None
    assert view.apply(translated("a-1", "y"), "1000-0")


def cursors(frames: list[CaptionFrame]) -> list[str | None]:
    return [frame.cursor for frame in frames]


def test_readers_resume_after_their_cursor_in_numerical_order() -> None:
    view = replay(LanguageView(), [(f"{n}-0", spoken(f"a-{n}", "x")) for n in (9, 10, 100)])
    assert cursors(view.after("9-0")) == ["10-0", "100-0"]
    assert cursors(view.after("0-0")) == ["9-0", "10-0", "100-0"]
    assert view.after("100-0") == []


def test_a_fallback_has_the_cursor_of_what_caused_it() -> None:
    view = replay(LanguageView("es"), [("1-0", ONE), ("2-0", translated("a-1", "", is_missing=True))])
    assert cursors(view.after("1-0")) == ["2-0"]


def test_late_readers_get_the_last_lines_with_all_their_captions() -> None:
    log = [("1-0", spoken("a-1", "x")), ("2-0", spoken("a-2", "x")), ("3-0", spoken("a-2", "y"))]
    view = replay(LanguageView(), log)
    assert cursors(view.last_lines(1)) == ["2-0", "3-0"]
    assert cursors(view.last_lines(5)) == ["1-0", "2-0", "3-0"]
    assert view.last_lines(0) == []


def test_speech_in_progress_is_not_kept_and_has_no_id() -> None:
    view = LanguageView()
    live = view.apply(spoken("a-1", "on", is_final=False), None)
    final = view.apply(ONE, "7-1")
    assert live
    assert final
    assert live.server_sent_event.startswith(b"event: caption\ndata: {")
    assert final.server_sent_event.startswith(b"id: 7-1\nevent: caption\ndata: {")
    assert view.last_lines(9) == [final]
